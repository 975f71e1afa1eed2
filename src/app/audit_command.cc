#include <algorithm>
#include <expected>
#include <span>
#include <thread>

#include <fmt/format.h>

#include "app/ask_log.h"
#include "app/commands.h"
#include "app/print.h"
#include "app/report_html.h"
#include "audit/report.h"
#include "audit/view.h"

namespace notaus::app {
namespace {

audit::Take print_lines(Output output) {
  return [output](const std::string& line) {
    say("{}\n", output == Output::json ? line : audit::describe(line));
    return std::ferror(stdout) == 0;  // else whoever read us has gone
  };
}

Result<audit::Filter> filter_of(const AuditFlags& flags) {
  auto since = time_of("--since", flags.since), until = time_of("--until", flags.until);
  if (!since || !until) return std::unexpected(since ? until.error() : since.error());
  return audit::Filter{*since, *until, flags.tenant, flags.agent, flags.tool, flags.kind, flags.reason, flags.stop};
}

int usage(const Trouble& why) {
  warn({why.what});
  return control::kUsage;
}

Json to_json(const audit::CleanUp& found) {
  auto list = [](const auto& all, auto one) {
    Json out = Json::array();
    for (const auto& each : all) out.push_back(one(each));
    return out;
  };
  auto of_row = [](const audit::Row& row) -> Json {
    return {{"tenant", row.tenant},   {"tool", row.tool},         {"done", row.done},
            {"unknown", row.unknown}, {"not_sent", row.not_sent}, {"repeated", row.repeated},
            {"denied", row.denied},   {"first", row.first},       {"last", row.last}};
  };
  return {{"schema", 1},
          {"since", found.since},
          {"until", found.until},
          {"rows", list(found.rows, of_row)},
          {"by_agent", list(found.by_agent,
                            [&](const audit::Row& row) {
                              Json out = of_row(row);
                              out["agent"] = row.agent;
                              return out;
                            })},
          {"gaps", found.gaps},
          {"unknown_calls", list(found.unknown, [](const audit::Unknown& one) { return one.call; })},
          {"repeats", list(found.repeats,
                           [](const audit::Repeat& one) -> Json {
                             return {{"tenant", one.tenant}, {"tool", one.tool},   {"args", one.args},
                                     {"times", one.times},   {"first", one.first}, {"last", one.last}};
                           })},
          {"events",
           list(found.events,
                [&](const audit::Event& one) -> Json {
                  return {{"at", one.at}, {"kind", one.kind}, {"id", one.id}, {"by", one.by}, {"reason", or_null(one.reason)}};
                })},
          {"harm", or_null(found.harm)},
          {"stopped", or_null(found.stopped)}};
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
  say("{:10} {:16} {:>6} {:>7} {:>8} {:>6}  {}\n", "tenant", "tool", "done", "unknown", "repeated", "denied", "first to last");
  for (const audit::Row& row : found.rows) {
    say("{:10} {:16} {:>6} {:>7} {:>8} {:>6}  {}\n", shown(row.tenant), shown(row.tool), row.done, row.unknown, row.repeated,
        row.denied, span(row));
    out += row.done;
    unknown += row.unknown;
    denied += row.denied;
  }
  for (const audit::Repeat& one : found.repeats)
    say("the same arguments, {} times: {} {}, digest {}\n", one.times, shown(one.tenant), shown(one.tool), shown(one.args));
  for (const audit::Unknown& one : std::span(found.unknown).first(std::min(found.unknown.size(), kMostListed)))
    say("outcome unknown: {}  {}/{}  {}  {}\n", shown(one.at), or_dash(one.tenant), or_dash(one.agent), or_dash(one.tool),
        shown(one.call));
  if (found.unknown.size() > kMostListed)
    say("outcome unknown: {} more: --json names them all\n", found.unknown.size() - kMostListed);
  if (found.gaps > 0) say("{} record(s) were lost; they are counted, their contents are not known\n", found.gaps);
  if (!found.harm.empty() && found.stopped >= found.harm)
    say("first write {}, stopped {}\n", shown(found.harm), shown(found.stopped));
  say("{} write(s) took effect, {} may have, {} call(s) were denied\n", out, unknown, denied);
}

struct Question {
  Place place;
  audit::Filter filter;
  Result<audit::Search> log;  // gone: there is none yet
  std::uint64_t first = 0;    // record that is there; that those before were pruned has been said
};

std::uint64_t tell_pruned(const audit::Search& log, std::uint64_t told) {
  const std::uint64_t first = log.first();
  if (first > told) warn({fmt::format("the first {} records were pruned", first)});
  return std::max(first, told);
}

// What all three commands begin with; else the exit code.
std::expected<Question, int> asked(const Common& common, const AuditFlags& flags, Output output, const Json& nothing = {}) {
  auto filter = filter_of(flags);
  if (!filter) return std::unexpected(usage(filter.error()));
  auto place = existing_place(common);
  if (!place) return std::unexpected(fail(place.error(), output, nothing));
  auto log = fresh_log(*place);
  if (!log && log.error().kind != Kind::gone) return std::unexpected(fail(log.error(), output, nothing));
  const std::uint64_t first = log ? tell_pruned(*log, 0) : 0;
  return Question{*std::move(place), *std::move(filter), std::move(log), first};
}

Result<audit::CleanUp> report_on(const Question& question) {
  const auto& log = question.log;
  if (!log) return audit::CleanUp{.since = question.filter.since, .until = question.filter.until};
  std::string end;
  auto last = log->each(
      {}, [&](const std::string& line) { return end = audit::time_of(line), true; },
      log->size() - std::min<std::uint64_t>(log->size(), 1));
  if (!last) return std::unexpected(last.error());
  return audit::clean_up([&](const audit::Filter& filter, const audit::Take& take) { return log->each(filter, take); },
                         question.filter, end);
}

}  // namespace

int audit_list_command(const Common& common, const AuditFlags& flags, Output output) {
  auto question = asked(common, flags, output);
  if (!question) return question.error();
  if (!question->log) return control::kDone;
  auto read = question->log->each(question->filter, print_lines(output));
  tell_pruned(*question->log, question->first);  // while we read
  return read ? control::kDone : fail(read.error());
}

int audit_tail_command(const Common& common, const AuditFlags& flags, Output output) {
  auto question = asked(common, flags, output);
  if (!question) return question.error();
  Result<audit::Search> log = std::move(question->log);
  std::uint64_t seen = log ? log->size() - std::min(log->size(), flags.last) : 0;
  while (log || log.error().kind == Kind::gone) {
    if (log && log->size() < seen) seen = 0;  // another log has begun
    if (auto read = log ? log->each(question->filter, print_lines(output), seen) : Result<>{}; !read) return fail(read.error());
    if (log) seen = log->size();
    if (std::fflush(stdout) != 0) return control::kDone;  // whoever read us has gone
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    log = fresh_log(question->place);
  }
  return fail(log.error());
}

int audit_report_command(const Common& common, const AuditFlags& flags, Output output) {
  auto question = asked(common, flags, output, to_json(audit::CleanUp{}));
  if (!question) return question.error();
  auto found = report_on(*question);
  if (!found) return fail(found.error(), output, to_json(audit::CleanUp{}));
  if (flags.html)
    say_as_is(stdout, report_html(*found, question->place.site.host));
  else if (output == Output::json)
    say("{}\n", dump(to_json(*found)));
  else
    print_report(*found);
  return control::kDone;
}

}  // namespace notaus::app
