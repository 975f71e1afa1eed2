#include "control/told.h"

#include <sys/stat.h>

#include <charconv>

namespace notaus::control {
namespace {

using audit::text_in;

std::optional<Outcome> outcome_of(const nlohmann::json& record) {
  for (Outcome outcome : {Outcome::done, Outcome::not_sent, Outcome::unknown})
    if (text_in(record, "outcome") == core::text(outcome)) return outcome;
  return std::nullopt;
}

// A record has of a name what a slot could hold of it.
template <std::size_t kMost>
void take_name(page::Name<kMost>& name, const std::string& text) {
  page::set_name(name, text);
  if (text.size() >= kMost) name.size = page::kNoSize;
}

}  // namespace

// Its name is "<process>/<slot>.<generation>", see page/record.h.
std::optional<page::SeenCall> told_call(const nlohmann::json& record) {
  const std::string name = text_in(record, "call"), process = text_in(record, "point");
  const auto outcome = outcome_of(record);
  if (!outcome || process.empty() || !name.starts_with(process + "/")) return std::nullopt;
  page::SeenCall out{process, 0, 0, {}, *outcome};
  std::uint64_t generation = 0;
  const char* end = name.data() + name.size();
  const auto slot = std::from_chars(name.data() + process.size() + 1, end, out.slot);
  if (slot.ptr == end || *slot.ptr != '.' || std::from_chars(slot.ptr + 1, end, generation).ptr != end) return std::nullopt;
  out.word = page::slot_word(generation, page::SlotState::active);
  take_name(out.entry.tenant, text_in(record, "tenant"));
  take_name(out.entry.agent, text_in(record, "agent"));
  take_name(out.entry.run, text_in(record, "run"));
  take_name(out.entry.tool, text_in(record, "tool"));
  out.entry.write = text_in(record, "effect") != "read";
  out.entry.since = from_iso8601(text_in(record, "since")).value_or(WallTime{}).ms;
  return out;
}

bool written_since(const page::Segment& segment, WallTime when) {
  struct stat file{};
  return stat(segment.path.c_str(), &file) == 0 && file.st_mtim.tv_sec >= when.ms / 1000 - 1;
}

}  // namespace notaus::control
