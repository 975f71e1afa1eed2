#include "page/record.h"

#include <cstring>

#include <fmt/format.h>

#include "base/boot.h"
#include "core/state.h"

namespace notaus::page {
namespace {

void add_name(JsonLine& line, std::string_view key, std::string_view name) {
  if (!name.empty()) line.field(key, name);
}

void add_names(JsonLine& line, const Entry& entry) {
  add_name(line, "tenant", get_name(entry.tenant));
  add_name(line, "agent", get_name(entry.agent));
  add_name(line, "tool", get_name(entry.tool));
}

bool rejected(std::uint8_t why) { return static_cast<Why>(why) == Why::allowed; }  // see Attachment::refused

void add_denial(JsonLine& line, const std::string& reason, const char (&stop)[24]) {
  line.field("reason", reason);
  if (stop[0] != '\0') line.field("stop", std::string_view(stop, strnlen(stop, sizeof stop)));
}

std::string_view kind_of(const Entry& entry) { return entry.write != 0 ? "admitted_write" : "admitted_read"; }

}  // namespace

std::string call_id(std::string_view process, std::uint32_t slot, std::uint64_t word) {
  return fmt::format("{}/{}.{}", process, slot, generation_of(word));
}

void add_call(JsonLine& line, const Entry& entry) {
  add_names(line, entry);
  add_name(line, "run", get_name(entry.run));
  line.field("effect", entry.write != 0 ? "write" : "read").field("since", iso8601({entry.since}));
  if (entry.revision != 0) line.field("revision", entry.revision);
  if (entry.digest[0] != 0) line.field("args", fmt::format("{:016x}{:016x}", entry.digest[0], entry.digest[1]));
}

Teller::Teller(std::string_view process, const SlotsHead& head)
    : process_(process),
      boot_(head.boot_id, strnlen(head.boot_id, sizeof head.boot_id)),
      admission_only_(head.admission_only != 0) {}

JsonLine Teller::begin(std::string_view kind, const Moment& at, std::string_view boot) const {
  return core::begin_record(kind, at, boot).field("point", process_);
}

JsonLine Teller::begin(std::string_view kind) const { return begin(kind, moment_now(), boot_id()); }

std::string Teller::ended(JsonLine line, std::uint32_t slot, std::uint64_t word, const Entry& entry, Outcome outcome) const {
  line.field("call", call_id(process_, slot, word));
  add_call(line, entry);
  line.field("outcome", core::text(outcome));
  if (admission_only_) line.raw("admission_only", "true");
  return line.text();
}

std::string Teller::blocked(const Cell& cell) const {
  JsonLine line = begin("blocked", cell.at, boot_);
  line.field("call", call_id(process_, cell.slot, cell.call));
  if (rejected(cell.why)) {
    add_names(line, cell.entry);
    add_denial(line, "rejected: " + std::string(get_name(cell.entry.run)), cell.stop);
  } else {
    add_call(line, cell.entry);
    add_denial(line, reason(static_cast<Why>(cell.why), get_name(cell.entry.tool)), cell.stop);
  }
  return line.text();
}

std::string Teller::cell(const Cell& cell) const {
  if (cell.fact == Fact::blocked) return blocked(cell);
  return ended(begin(kind_of(cell.entry), cell.at, boot_), cell.slot, cell.call, cell.entry, static_cast<Outcome>(cell.outcome));
}

std::string Teller::orphan(std::uint32_t slot, std::uint64_t word, const Entry& entry) const {
  const bool active = state_of(word) == SlotState::active, undecided = active && entry.word == 0;
  if (!undecided && state_of(word) != SlotState::counting)
    return ended(begin(kind_of(entry)), slot, word, entry, active ? Outcome::unknown : outcome_of(word));
  JsonLine line = begin("unclean_start");
  line.field("what", undecided ? "undecided" : "uncounted").field("call", call_id(process_, slot, word));
  add_call(line, entry);
  return line.text();
}

// Of many calls: their agent if they had but one; what was wrong with each that could not be read it does not say.
std::string Teller::tally(const Tally& tally, std::uint64_t count) const {
  JsonLine line = begin("blocked_agg", tally.last, boot_);
  add_names(line, tally.entry);
  add_denial(line, rejected(tally.why) ? "rejected" : reason(static_cast<Why>(tally.why), get_name(tally.entry.tool)), tally.stop);
  return line.field("count", count)
      .field("total", tally.total)
      .field("first", iso8601(tally.first.wall))
      .field("last", iso8601(tally.last.wall))
      .text();
}

std::string Teller::gap(std::string_view what, std::uint64_t lost) const {
  return begin("gap").field("what", what).field("count", lost).text();
}

}  // namespace notaus::page
