#include "page/record.h"

#include <cstring>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/state.h"

namespace notaus::page {
namespace {

JsonLine begin(std::string_view kind, std::string_view process, std::int64_t at_ms) {
  JsonLine line;
  line.field("kind", kind).field("at", iso8601({at_ms})).field("point", process);
  return line;
}

void add_names(JsonLine& line, const Entry& entry) {
  auto add = [&](std::string_view key, std::string_view name) {
    if (!name.empty()) line.field(key, name);
  };
  add("tenant", get_name(entry.tenant));
  add("agent", get_name(entry.agent));
  add("tool", get_name(entry.tool));
}

void add_call(JsonLine& line, const Entry& entry) {
  add_names(line, entry);
  if (auto run = get_name(entry.run); !run.empty()) line.field("run", run);
  line.field("effect", entry.write != 0 ? "write" : "read").field("since", iso8601({entry.since}));
  if (entry.revision != 0) line.field("revision", entry.revision);
  if (entry.digest[0] != 0) line.field("args", fmt::format("{:016x}{:016x}", entry.digest[0], entry.digest[1]));
}

void add_denial(JsonLine& line, const Entry& entry, std::uint8_t why, const char (&stop)[24]) {
  const bool rejected = static_cast<Why>(why) == Why::allowed;  // see Attachment::refused
  line.field("reason",
             rejected ? "rejected: " + std::string(get_name(entry.run)) : reason(static_cast<Why>(why), get_name(entry.tool)));
  if (stop[0] != '\0') line.field("stop", std::string_view(stop, strnlen(stop, sizeof stop)));
}

std::string ended(std::string_view process, std::uint32_t slot, std::uint64_t word, const Entry& entry, Outcome outcome,
                  std::int64_t at) {
  JsonLine line = begin(entry.write != 0 ? "admitted_write" : "admitted_read", process, at);
  line.field("call", call_id(process, slot, word));
  add_call(line, entry);
  line.field("outcome", core::text(outcome));
  return line.text();
}

}  // namespace

std::string call_id(std::string_view process, std::uint32_t slot, std::uint64_t word) {
  return fmt::format("{}/{}.{}", process, slot, generation_of(word));
}

std::string ended_record(std::string_view process, const Cell& cell) {
  return ended(process, cell.slot, cell.call, cell.entry, static_cast<Outcome>(cell.outcome), cell.at);
}

std::string orphan_record(std::string_view process, std::uint32_t slot, std::uint64_t word, const Entry& entry,
                          std::int64_t at_ms) {
  return ended(process, slot, word, entry, state_of(word) == SlotState::done ? outcome_of(word) : Outcome::unknown, at_ms);
}

std::string blocked_record(std::string_view process, const Cell& cell) {
  JsonLine line = begin("blocked", process, cell.at);
  line.field("call", call_id(process, cell.slot, cell.call));
  if (static_cast<Why>(cell.why) == Why::allowed)
    add_names(line, cell.entry);
  else
    add_call(line, cell.entry);
  add_denial(line, cell.entry, cell.why, cell.stop);
  return line.text();
}

std::string tally_record(std::string_view process, const Tally& tally) {
  JsonLine line = begin("blocked_agg", process, tally.last);
  add_names(line, tally.entry);
  add_denial(line, tally.entry, tally.why, tally.stop);
  line.field("count", tally.count)
      .field("total", tally.total)
      .field("first", iso8601({tally.first}))
      .field("last", iso8601({tally.last}));
  return line.text();
}

std::string gap_record(std::string_view process, std::string_view what, std::uint64_t lost, std::int64_t at_ms) {
  return begin("gap", process, at_ms).field("what", what).field("count", lost).text();
}

std::string record_of(std::string_view process, const Cell& cell) {
  return cell.fact == Fact::blocked ? blocked_record(process, cell) : ended_record(process, cell);
}

}  // namespace notaus::page
