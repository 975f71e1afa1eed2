#include <expected>
#include <thread>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/print.h"
#include "audit/report.h"
#include "audit/view.h"

namespace notaus::app {
namespace {

// What has been spooled so far is drained first, so that the log is as new as it can be; if somebody else is at it, that is as good.
Result<std::vector<std::string>> fresh_log(const Place& place) {
  if (auto drained = host::drain(place.site, std::chrono::milliseconds(1000)); !drained && drained.error().kind != Kind::retry)
    warn({"the log is not up to date: " + drained.error().what});
  return audit::read_log(place.site.state.log());
}

void print_lines(const std::vector<std::string>& lines, Output output) {
  for (const std::string& line : lines) fmt::print("{}\n", output == Output::json ? line : audit::describe(line));
}

// "10m", "2h", "3d" ago, or an ISO time as the log writes it.
Result<std::string> since_of(const std::string& text) {
  if (text.empty() || text.find('-') != std::string::npos) return text;
  std::int64_t number = 0;
  std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || digits > 9 || digits + 1 != text.size())
    return trouble(Kind::refused, fmt::format("--since {}: expected 90s, 10m, 2h, 3d, or a time like 2026-11-22T03:00:00Z", text));
  number = std::stoll(text.substr(0, digits));
  constexpr std::string_view kUnits = "smhd";
  constexpr std::int64_t kSeconds[] = {1, 60, 3600, 86400};
  std::size_t unit = kUnits.find(text[digits]);
  if (unit == std::string_view::npos) return trouble(Kind::refused, fmt::format("--since {}: the unit is s, m, h or d", text));
  return iso8601({wall_now().ms - number * kSeconds[unit] * 1000});
}

Result<audit::Filter> filter_of(const AuditFlags& flags) {
  auto since = since_of(flags.since);
  if (!since) return std::unexpected(since.error());
  return audit::Filter{*since, flags.tenant, flags.stop};
}

int usage(const Trouble& why) {
  warn({why.what});
  return control::kUsage;
}

Json to_json(const audit::CleanUp& found) {
  Json rows = Json::array();
  for (const audit::Row& row : found.rows)
    rows.push_back({{"tenant", row.tenant},
                    {"tool", row.tool},
                    {"done", row.done},
                    {"unknown", row.unknown},
                    {"not_sent", row.not_sent},
                    {"repeated", row.repeated},
                    {"denied", row.denied},
                    {"first", row.first},
                    {"last", row.last}});
  return {{"schema", 1},  {"since", found.since}, {"until", found.until},
          {"rows", rows}, {"gaps", found.gaps},   {"unknown_calls", found.unknown_calls}};
}

// "2026-11-22T03:12:07Z to 03:15:41Z": the second day only if it is another.
std::string span(const audit::Row& row) {
  auto to_the_second = [](const std::string& at) { return at.size() > 19 ? at.substr(0, 19) + "Z" : at; };
  if (row.first.empty()) return "-";
  const std::string last = to_the_second(row.last);
  const bool same_day = row.first.substr(0, 11) == last.substr(0, 11);
  return to_the_second(row.first) + " to " + (same_day ? last.substr(11) : last);
}

void print_report(const audit::CleanUp& found) {
  std::uint64_t out = 0, unknown = 0, denied = 0;
  fmt::print("{:10} {:16} {:>6} {:>7} {:>8} {:>6}  {}\n", "tenant", "tool", "done", "unknown", "repeated", "denied",
             "first to last");
  for (const audit::Row& row : found.rows) {
    fmt::print("{:10} {:16} {:>6} {:>7} {:>8} {:>6}  {}\n", shown(row.tenant), shown(row.tool), row.done, row.unknown, row.repeated,
               row.denied, span(row));
    out += row.done;
    unknown += row.unknown;
    denied += row.denied;
  }
  for (const std::string& call : found.unknown_calls) fmt::print("outcome unknown: {}\n", shown(call));
  if (found.gaps > 0) fmt::print("{} record(s) were lost; they are counted, their contents are not known\n", found.gaps);
  fmt::print("{} write(s) took effect, {} may have, {} call(s) were denied\n", out, unknown, denied);
}

struct Question {
  Place place;
  audit::Filter filter;
  std::vector<std::string> lines;  // of the log, all of it
};

// What all three commands begin with; else the exit code.
std::expected<Question, int> asked(const Common& common, const AuditFlags& flags, Output output, const Json& nothing = {}) {
  auto filter = filter_of(flags);
  if (!filter) return std::unexpected(usage(filter.error()));
  auto place = existing_place(common);
  if (!place) return std::unexpected(fail(place.error(), output, nothing));
  auto lines = fresh_log(*place);
  if (!lines) return std::unexpected(fail(lines.error(), output, nothing));
  return Question{*std::move(place), *std::move(filter), *std::move(lines)};
}

}  // namespace

int audit_list_command(const Common& common, const AuditFlags& flags, Output output) {
  auto question = asked(common, flags, output);
  if (!question) return question.error();
  print_lines(audit::select(question->lines, question->filter), output);
  return control::kDone;
}

int audit_tail_command(const Common& common, const AuditFlags& flags, Output output) {
  auto question = asked(common, flags, output);
  if (!question) return question.error();
  Result<std::vector<std::string>> lines = std::move(question->lines);
  auto seen = static_cast<std::ptrdiff_t>(lines->size() > 10 ? lines->size() - 10 : 0);
  while (lines) {
    if (seen < std::ssize(*lines)) print_lines(audit::select({lines->begin() + seen, lines->end()}, question->filter), output);
    seen = std::ssize(*lines);
    if (std::fflush(stdout) != 0) return control::kDone;  // whoever read us has gone
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    lines = fresh_log(question->place);
  }
  return fail(lines.error());
}

int audit_report_command(const Common& common, const AuditFlags& flags, Output output) {
  auto question = asked(common, flags, output, to_json(audit::CleanUp{}));
  if (!question) return question.error();
  auto found = audit::clean_up(question->lines, question->filter);
  if (output == Output::json)
    fmt::print("{}\n", dump(to_json(found)));
  else
    print_report(found);
  return control::kDone;
}

}  // namespace notaus::app
