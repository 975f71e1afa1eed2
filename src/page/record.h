// page/record.h: one fact as the audit log will hold it: one JSON object. audit/records.md has the fields of each kind.
#pragma once

#include <string>

#include "core/record.h"
#include "page/layout.h"

namespace notaus::page {

// "mailer-4711-k3j2xa/17.5": process, slot and generation. The name of a call wherever it is spoken of.
std::string call_id(std::string_view process, std::uint32_t slot, std::uint64_t word);

// Tenant, agent, tool, run, effect, since when, the revision it was decided under, its arguments' digest: what there is of it.
void add_call(JsonLine& line, const Entry& entry);

// Writes the records of one process, from its slot file: by itself, or by whoever finds it dead.
class Teller {
 public:
  Teller(std::string_view process, const SlotsHead& head);

  [[nodiscard]] std::string cell(const Cell& cell) const;    // kind admitted_write, admitted_read or blocked
  [[nodiscard]] std::string tally(const Tally& tally, std::uint64_t count) const;  // kind blocked_agg

  // kind gap: so many facts, "calls" or "denials", of which nothing else is known.
  [[nodiscard]] std::string gap(std::string_view what, std::uint64_t lost) const;

  // A call whose process died in the middle of it: kind admitted_write or admitted_read, outcome unknown unless it had ended; but
  // unclean_start if it died before the call was answered, so that nothing was sent, or while the call was being counted, which then is
  // in the count or not.
  [[nodiscard]] std::string orphan(std::uint32_t slot, std::uint64_t word, const Entry& entry) const;

 private:
  [[nodiscard]] JsonLine begin(std::string_view kind, const Moment& at, std::string_view boot) const;
  [[nodiscard]] JsonLine begin(std::string_view kind) const;  // now, on this kernel: that of a dead process may have been another
  [[nodiscard]] std::string ended(JsonLine line, std::uint32_t slot, std::uint64_t word, const Entry& entry, Outcome outcome) const;
  [[nodiscard]] std::string blocked(const Cell& cell) const;

  std::string_view process_, boot_;
  bool admission_only_;
};

}  // namespace notaus::page
