#include "control/departed.h"

#include <sys/stat.h>

#include <charconv>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "audit/filter.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

using audit::text_in;
using nlohmann::json;

std::optional<Outcome> outcome_of(const json& record) {
  for (Outcome outcome : {Outcome::done, Outcome::not_sent, Outcome::unknown})
    if (text_in(record, "outcome") == core::text(outcome)) return outcome;
  return std::nullopt;
}

// A record of a call that has ended; its name ends in "/<slot>.<generation>".
std::optional<page::SeenCall> call_of(const json& record, const std::string& process) {
  const std::string name = text_in(record, "call");
  auto outcome = outcome_of(record);
  if (!outcome || !name.starts_with(process + "/")) return std::nullopt;
  page::SeenCall out{process, 0, 0, {}, *outcome};
  std::uint64_t generation = 0;
  const char* end = name.data() + name.size();
  auto slot = std::from_chars(name.data() + process.size() + 1, end, out.slot);
  if (slot.ptr == end || *slot.ptr != '.' || std::from_chars(slot.ptr + 1, end, generation).ptr != end) return std::nullopt;
  out.word = page::slot_word(generation, page::SlotState::active);
  page::set_name(out.entry.tenant, text_in(record, "tenant"));
  page::set_name(out.entry.agent, text_in(record, "agent"));
  page::set_name(out.entry.run, text_in(record, "run"));
  page::set_name(out.entry.tool, text_in(record, "tool"));
  out.entry.write = text_in(record, "effect") != "read";
  out.entry.since = from_iso8601(text_in(record, "since")).value_or(WallTime{}).ms;
  return out;
}

bool written_since(const std::string& path, WallTime eve) {
  struct stat file{};
  return stat(path.c_str(), &file) == 0 && file.st_mtim.tv_sec >= eve.ms / 1000 - 1;
}

}  // namespace

Eve eve_of(const page::StateDir& state) { return {page::slot_files(state), wall_now()}; }

std::vector<page::SeenPoint> departed(const page::StateDir& state, const Eve& eve, const std::vector<page::SeenPoint>& seen) {
  const std::string before = iso8601(eve.at), after = iso8601(wall_now());
  std::set<std::string> there;
  for (const page::SeenPoint& point : seen) there.insert(point.process);
  std::map<std::string, page::SeenPoint> left;
  for (const std::string& process : eve.processes)
    if (!there.contains(process)) left[process];
  for (page::Segment& segment : page::list_segments(state)) {
    if (there.contains(segment.process) || !written_since(segment.path, eve.at) || !page::read_segment(segment, 0)) continue;
    for (const page::SpoolRecord& line : segment.records) {
      const json record = audit::record_of(line.json);
      if (text_in(record, "point") != segment.process || text_in(record, "at") < before) continue;
      page::SeenPoint& point = left[segment.process];
      auto call = call_of(record, segment.process);
      if (call && text_in(record, "since") <= after) point.calls.push_back(*std::move(call));
    }
  }
  std::vector<page::SeenPoint> out;
  for (auto& [process, point] : left) {
    point.process = process;
    point.left = true;
    out.push_back(std::move(point));
  }
  return out;
}

}  // namespace notaus::control
