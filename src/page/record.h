// page/record.h: one fact as the audit log will hold it: one JSON object. audit/records.md has the fields of each kind.
#pragma once

#include <string>

#include "page/layout.h"

namespace notaus::page {

// "mailer-4711-k3j2xa/17.5": process, slot and generation. The name of a call wherever it is spoken of.
std::string call_id(std::string_view process, std::uint32_t slot, std::uint64_t word);

std::string ended_record(std::string_view process, const Cell& cell);            // kind admitted_write or admitted_read
std::string blocked_record(std::string_view process, const Cell& cell);          // kind blocked
std::string tally_record(std::string_view process, const Tally& tally);          // kind blocked_agg
std::string gap_record(std::string_view process, std::string_view what, std::uint64_t lost, std::int64_t at_ms);

// A call whose process died: kind admitted_write or admitted_read with outcome unknown.
std::string orphan_record(std::string_view process, std::uint32_t slot, std::uint64_t word, const Entry& entry, std::int64_t at_ms);

// Whatever the cell says.
std::string record_of(std::string_view process, const Cell& cell);

}  // namespace notaus::page
