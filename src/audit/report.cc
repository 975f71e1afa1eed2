#include "audit/report.h"

#include <algorithm>
#include <ctime>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace notaus::audit {
namespace {

using Json = nlohmann::json;

Json parse(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::string text(const Json& record, const char* key) {
  auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number(const Json& record, const char* key) {
  auto found = record.find(key);
  return found != record.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string tenant_of(const Json& record) {
  return record.contains("selector") ? text(record["selector"], "tenant") : text(record, "tenant");
}

bool matches(const Json& record, const Filter& filter) {
  if (!filter.since.empty() && text(record, "at") < filter.since) return false;
  if (!filter.tenant.empty() && tenant_of(record) != filter.tenant) return false;
  return filter.stop.empty() || text(record, "id") == filter.stop || text(record, "stop") == filter.stop;
}

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

// The record of a stop as it was first placed; empty if the log has none.
Json stop_record(const std::vector<std::string>& lines, const std::string& id) {
  for (const std::string& line : lines) {
    Json record = parse(line);
    if (!id.empty() && text(record, "kind") == "stop" && text(record, "id") == id) return record;
  }
  return Json::object();
}

// What a stop covers, as far as one field tells. Of a gap nobody knows whom it concerns, so it concerns everybody.
bool concerns(const Json& selector, const Json& record) {
  auto field = [&](const char* key) {
    std::string wanted = text(selector, key), given = text(record, key);
    return wanted.empty() || given.empty() || wanted == given ||
           (wanted.ends_with(".*") && given.starts_with(wanted.substr(0, wanted.size() - 1)));
  };
  return field("tenant") && field("agent") && field("tool");
}

class Tally {
 public:
  void take(const Json& record) {
    const std::string kind = text(record, "kind");
    if (kind == "gap") out.gaps += number(record, "count");
    if (kind != "admitted_write" && kind != "blocked" && kind != "blocked_agg") return;
    Row& row = row_of(record);
    if (kind == "blocked") ++row.denied;
    if (kind == "blocked_agg") row.denied += number(record, "count");
    if (kind == "admitted_write") written(record, row);
  }

  CleanUp out;

 private:
  Row& row_of(const Json& record) {
    auto key = std::pair(text(record, "tenant"), text(record, "tool"));
    auto [at, fresh] = index_.try_emplace(key, out.rows.size());
    if (fresh) out.rows.push_back({key.first, key.second, 0, 0, 0, 0, 0, {}, {}});
    return out.rows[at->second];
  }

  void written(const Json& record, Row& row) {
    const std::string outcome = text(record, "outcome");
    if (outcome == "not_sent") {
      ++row.not_sent;
      return;
    }
    ++(outcome == "done" ? row.done : row.unknown);
    if (outcome != "done") out.unknown_calls.push_back(text(record, "call"));
    if (std::string args = text(record, "args"); !args.empty() && !seen_.insert(row.tool + args).second) ++row.repeated;
    std::string at = text(record, "at");
    if (row.first.empty() || at < row.first) row.first = at;
    row.last = std::max(row.last, at);
  }

  std::map<std::pair<std::string, std::string>, std::size_t> index_;
  std::set<std::string> seen_;
};

}  // namespace

std::vector<std::string> select(const std::vector<std::string>& lines, const Filter& filter) {
  std::vector<std::string> out;
  for (const std::string& line : lines)
    if (matches(parse(line), filter)) out.push_back(line);
  return out;
}

std::string describe(const std::string& line) {
  Json record = parse(line);
  auto shown = [&](const char* key) {  // as JSON text without its quotes: no byte of it reaches the terminal raw
    std::string quoted = Json(text(record, key)).dump(-1, ' ', true, Json::error_handler_t::replace);
    return quoted.substr(1, quoted.size() - 2);
  };
  std::string out = fmt::format("{:>6}  {}  {:14}", number(record, "n"), shown("at"), shown("kind"));
  auto add = [&](const char* key, const char* before) {
    if (!text(record, key).empty()) out += before + shown(key);
  };
  if (record.contains("selector")) out += "  " + record["selector"].dump(-1, ' ', true, Json::error_handler_t::replace);
  add("tenant", "  ");
  add("agent", "/");
  add("tool", "  ");
  add("mode", "  ");
  add("outcome", "  ");
  add("phase", "  ");
  if (record.contains("count")) out += fmt::format("  x{}", number(record, "count"));
  add("id", "  ");
  add("by", "  by ");
  add("reason", "  ");
  return out;
}

CleanUp clean_up(const std::vector<std::string>& lines, const Filter& filter) {
  Tally tally;
  const Json stop = stop_record(lines, filter.stop);
  const Json selector = stop.value("selector", Json::object());
  tally.out.since = filter.since.empty() && stop.contains("at") ? hour_before(text(stop, "at")) : filter.since;
  for (const std::string& line : lines) {
    Json record = parse(line);
    tally.out.until = std::max(tally.out.until, text(record, "at"));
    if (concerns(selector, record) && matches(record, {.since = tally.out.since, .tenant = filter.tenant})) tally.take(record);
  }
  return std::move(tally.out);
}

}  // namespace notaus::audit
