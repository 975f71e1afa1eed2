#include "audit/clean_up.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/state.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::json;

constexpr auto text = text_in;

// Times are compared as text, so they come as the log writes them.
std::string hour_before(const std::string& at) {
  std::tm time{};
  const char* rest = strptime(at.c_str(), "%Y-%m-%dT%H", &time);
  if (rest == nullptr) return {};  // not a time of ours: the report is about all of the log
  time.tm_hour -= 1;
  std::time_t seconds = timegm(&time);
  gmtime_r(&seconds, &time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}{}", time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour, rest);
}

// The record of a stop as it was first placed; an empty one if the log has none.
Result<Json> stop_record(const Lines& lines, const std::string& id) {
  Json out = Json::object();
  if (id.empty()) return out;
  auto looked = lines({.kind = "stop", .stop = id}, [&](const std::string& line) {
    out = record_of(line);
    return false;
  });
  if (!looked) return std::unexpected(looked.error());
  return out;
}

// What a stop covers, as far as one field tells. Of a gap nobody knows whom it concerns, so it concerns everybody.
bool concerns(const Json& selector, const Json& record) {
  auto field = [&](const char* key) {
    std::string wanted = text(selector, key), given = text(record, key);
    return wanted.empty() || given.empty() || core::tool_matches(wanted, given);
  };
  return field("tenant") && field("agent") && field("tool");
}

class Tally {
 public:
  explicit Tally(CleanUp& out) : out_(out) {}

  void take(const Json& record) {
    const std::string kind = text(record, "kind");
    const std::int64_t at = ms_of(text(record, "at"));
    if (kind == "gap") out_.gaps += number_in(record, "count");
    if ((kind == "stop" || kind == "resume" || kind == "latch") && !record.contains("phase"))
      out_.events.push_back({text(record, "at"), kind, text(record, "id"), text(record, "by"), text(record, "reason")});
    if (kind == "admitted_write") written(record, at);
    if (kind != "blocked" && kind != "blocked_agg") return;
    const std::uint64_t count = kind == "blocked" ? 1 : number_in(record, "count");
    for (Row* row : rows_of(record)) row->denied += count;
    out_.timeline.add(at, Timeline::denied, count);
  }

  // The repeats, the most frequent first.
  void end() {
    for (auto& [key, one] : seen_)
      if (one.times > 1) out_.repeats.push_back(std::move(one));
    std::ranges::sort(out_.repeats,
                      [](const Repeat& a, const Repeat& b) { return std::tie(b.times, a.first) < std::tie(a.times, b.first); });
    out_.repeats.resize(std::min(out_.repeats.size(), CleanUp::kRepeats));
    std::ranges::sort(out_.events, {}, [](const Event& one) { return std::tie(one.at, one.id); });
  }

 private:
  using Index = std::map<std::tuple<std::string, std::string, std::string>, std::size_t>;

  // The two that it counts in.
  std::array<Row*, 2> rows_of(const Json& record) {
    const std::string tenant = text(record, "tenant"), agent = text(record, "agent"), tool = text(record, "tool");
    auto in = [](Index& index, std::vector<Row>& rows, Row named) {
      auto [at, fresh] = index.try_emplace(std::tuple(named.tenant, named.agent, named.tool), rows.size());
      if (fresh) rows.push_back(std::move(named));
      return &rows[at->second];
    };
    return {in(all_, out_.rows, {.tenant = tenant, .tool = tool}),
            in(agents_, out_.by_agent, {.tenant = tenant, .agent = agent, .tool = tool})};
  }

  void written(const Json& record, std::int64_t at_ms) {
    const auto rows = rows_of(record);
    const Row& named = *rows[1];
    const std::string outcome = text(record, "outcome"), at = text(record, "at"), args = text(record, "args");
    const bool done = outcome == "done", sent = outcome != "not_sent";
    const bool repeats = sent && !args.empty() && again(named, args, at);
    for (Row* row : rows) {
      ++(done ? row->done : sent ? row->unknown : row->not_sent);
      row->repeated += repeats;
      if (sent && (row->first.empty() || at < row->first)) row->first = at;
      if (sent) row->last = std::max(row->last, at);
    }
    if (!sent) return;
    out_.timeline.add(at_ms, done ? Timeline::done : Timeline::unknown);
    if (!done) out_.unknown.push_back({at, named.tenant, named.agent, named.tool, text(record, "call")});
    if (out_.harm.empty() || at < out_.harm) out_.harm = at;
  }

  bool again(const Row& row, const std::string& args, const std::string& at) {
    Repeat& one = seen_.try_emplace(std::tuple(row.tenant, row.tool, args), Repeat{row.tenant, row.tool, args}).first->second;
    if (one.first.empty() || at < one.first) one.first = at;
    one.last = std::max(one.last, at);
    return ++one.times > 1;
  }

  CleanUp& out_;
  Index all_, agents_;
  std::map<std::tuple<std::string, std::string, std::string>, Repeat> seen_;
};

}  // namespace

Result<CleanUp> clean_up(const Lines& lines, const Filter& filter, const std::string& end) {
  CleanUp out;
  Tally tally(out);
  const auto stop = stop_record(lines, filter.stop);
  if (!stop) return std::unexpected(stop.error());
  const Json selector = stop->value("selector", Json::object());
  out.stopped = text(*stop, "at");
  out.since = filter.since.empty() && stop->contains("at") ? hour_before(out.stopped) : filter.since;
  out.until = filter.until.empty() ? end : filter.until;
  Filter meant = filter;
  meant.stop.clear();  // what it covers was admitted before it was there
  meant.since = out.since;
  auto read = lines(meant, [&](const std::string& line) {
    Json record = record_of(line);
    if (concerns(selector, record)) tally.take(record);
    return true;
  });
  if (!read) return std::unexpected(read.error());
  tally.end();
  if (out.stopped.empty())  // asked about a time: the first stop after harm was done
    for (const Event& event : out.events)
      if (out.stopped.empty() && event.kind != "resume" && event.at >= out.harm && !out.harm.empty()) out.stopped = event.at;
  return out;
}

}  // namespace notaus::audit
