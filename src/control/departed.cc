#include "control/departed.h"

#include <map>
#include <set>

#include "control/told.h"

namespace notaus::control {

Eve eve_of(const page::StateDir& state) { return {page::slot_files(state), wall_now()}; }

std::vector<page::SeenPoint> departed(const page::StateDir& state, const Eve& eve, const std::vector<page::SeenPoint>& seen) {
  const std::string before = iso8601(eve.at), after = iso8601(wall_now());
  std::set<std::string> there;
  for (const page::SeenPoint& point : seen) there.insert(point.process);
  std::map<std::string, page::SeenPoint> left;
  for (const std::string& process : eve.processes)
    if (!there.contains(process)) left[process];
  for (page::Segment& segment : page::list_segments(state)) {
    if (there.contains(segment.process) || !written_since(segment, eve.at) || !page::read_segment(segment, 0)) continue;
    for (const page::SpoolRecord& line : segment.records) {
      const nlohmann::json record = audit::record_of(line.json);
      if (audit::text_in(record, "point") != segment.process || audit::text_in(record, "at") < before) continue;
      page::SeenPoint& point = left[segment.process];
      auto call = told_call(record);
      if (call && audit::text_in(record, "since") <= after) point.calls.push_back(*std::move(call));
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
