#include "control/admitted.h"

#include <algorithm>
#include <map>
#include <set>

#include "audit/search.h"
#include "base/boot.h"
#include "control/told.h"

namespace notaus::control {
namespace {

using audit::number_in;
using audit::text_in;

class Lately {
 public:
  [[nodiscard]] WallTime eve() const { return {now_.wall.ms - std::chrono::milliseconds(kUnheard).count()}; }

  void add(page::SeenCall call, BootTime ended) {
    if (now_.up.ns - ended.ns <= std::chrono::nanoseconds(kUnheard).count()) keep(std::move(call));
  }
  void add(const std::string& line) {
    if (!audit::may_match(line, {.admission_only = true})) return;  // nearly none does
    const nlohmann::json record = audit::record_of(line);
    if (!record.contains("admission_only") || text_in(record, "at").empty()) return;
    auto call = told_call(record);
    if (!call) return;
    if (text_in(record, "boot") == boot_id())
      add(*std::move(call), {static_cast<std::int64_t>(number_in(record, "up_ms")) * 1'000'000});
    else if (text_in(record, "at") >= iso8601(eve()))
      keep(*std::move(call));
  }

  std::vector<page::SeenCall> take() && {
    std::vector<page::SeenCall> out;
    for (auto& [id, call] : calls_) out.push_back(std::move(call));
    std::ranges::sort(out, {}, [](const page::SeenCall& call) { return call.entry.since; });
    return out;
  }

 private:
  void keep(page::SeenCall call) {
    std::string id = call.id();
    calls_.try_emplace(std::move(id), std::move(call));
  }

  const Moment now_ = moment_now();
  std::map<std::string, page::SeenCall> calls_;
};

}  // namespace

Result<std::vector<page::SeenCall>> lately_admitted(const page::StateDir& state, const std::vector<page::SeenPoint>& points) {
  Lately lately;
  std::set<std::string> others;  // their spools tell of no such call
  for (const page::SeenPoint& point : points)
    if (point.admission_only)
      for (page::EndedCall& ended : page::ended_in_ring(state, point.process)) lately.add(std::move(ended.call), ended.at.up);
    else if (point.trouble.empty())
      others.insert(point.process);
  for (page::Segment& segment : page::list_segments(state)) {
    if (others.contains(segment.process) || !written_since(segment, lately.eve()) || !page::read_segment(segment, 0)) continue;
    for (const page::SpoolRecord& line : segment.records) lately.add(line.json);
  }
  auto log = audit::Search::open(state.log());
  if (!log && log.error().kind != Kind::gone) return std::unexpected(log.error());
  if (log) {
    auto each =
        log->each({.since = iso8601(lately.eve()), .kind = "admitted_write", .admission_only = true}, [&](const std::string& line) {
          lately.add(line);
          return true;
        });
    if (!each) return std::unexpected(each.error());
  }
  return std::move(lately).take();
}

}  // namespace notaus::control
