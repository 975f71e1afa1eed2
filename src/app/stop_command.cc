#include <unistd.h>

#include <algorithm>
#include <csignal>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/apart.h"
#include "app/commands.h"
#include "app/print.h"
#include "audit/note.h"
#include "control/resume.h"
#include "control/stop.h"

namespace notaus::app {
namespace {

constexpr std::chrono::seconds kLogPatience{10};  // once the answer is given, with a log that was not ready for it

bool placed = false;  // on this host's page

// Ctrl-C while waiting, or no memory: what has been placed stays placed, and is not confirmed.
int cut_short() {
  constexpr char kPlaced[] =
      "notaus: cut short: this host has stopped; whether it is in the ledger and confirmed, `notaus status` tells\n";
  constexpr char kNot[] = "notaus: cut short, by want of memory: nothing was stopped\n";
  (void)!(placed ? write(STDERR_FILENO, kPlaced, sizeof kPlaced - 1) : write(STDERR_FILENO, kNot, sizeof kNot - 1));
  return placed ? control::kNotConfirmed : control::kFailed;
}

void interrupted(int) { leave(cut_short()); }

// Three commands ready to be run, for somebody who has typed only `notaus stop`.
int suggest(const Common& common) {
  std::string tenant = "TENANT";
  control::Names seen;
  if (auto place = existing_place(common)) {
    const auto points = page::scan(place->site.state);
    seen.add(points);
    seen.add(page::recent_calls(place->site.state, points));
  }
  for (const std::string& active : seen.tenants)
    if (active != "default" || tenant == "TENANT") tenant = shown(active);
  say_to(stderr,
         "notaus: what shall be stopped? There is no default scope. One of:\n"
         "  notaus stop --tenant {} --reason \"…\"     writes of one tenant; reads go on\n"
         "  notaus stop --tool NAME --reason \"…\"         one tool, for everyone (also prefix.*)\n"
         "  notaus stop --global --mode stop_all         everything, everywhere\n",
         tenant);
  if (seen.tenants.size() > 1) {
    say_to(stderr, "Tenants active now:");
    for (const std::string& active : seen.tenants) say_to(stderr, " {}", shown(active));
    say_to(stderr, "\n");
  }
  return control::kUsage;
}

void print_calls(const control::Report& report, const char* title, const std::string& all_by) {
  if (report.in_flight.empty()) return;
  say("{}: {}\n", title, report.in_flight.size());
  say_calls(report.in_flight, all_by);
}

std::string headline(const control::Report& report, std::string_view verb) {
  auto acked = std::ranges::count(report.hosts, std::string("acked"), &control::HostRow::state);
  std::size_t points = 0;
  for (const control::HostRow& row : report.hosts) points += row.points;
  return fmt::format("{} {} mode={} revision={} hosts={}/{} points={} in_flight={} in {:.1f} ms by {}: {}", verb,
                     shown(core::text(report.record.selector)), text(report.record.mode),
                     report.revision ? std::to_string(*report.revision) : "none", acked, report.hosts.size(), points,
                     report.in_flight.size(), report.confirmed_ms, shown(report.record.by),
                     report.record.reason.empty() ? "no reason given" : shown(report.record.reason));
}

const char* verb_of(const control::Report& report) {
  switch (report.exit) {
    case control::kDone: return "stopped";
    case control::kNothingMatches:
      return report.hosts.front().points == 0 ? "STOPPED, BUT NO PROCESS IS GUARDED NOW:" : "STOPPED, BUT NOTHING SEEN MATCHES:";
    case control::kNotConfirmed: return "STOPPED, NOT CONFIRMED:";
    case control::kNotInLedger: return "STOPPED ON THIS HOST ONLY, NOT IN THE LEDGER:";
    default: return "NOT STOPPED:";
  }
}

int answer_stop(const control::Report& report, Output output) {
  warn(report.warnings);
  if (output == Output::json) {
    if (report.exit != control::kNotAuthorised) say("{}\n", dump(to_json(report)));
    return report.exit;
  }
  print_calls(report, "in flight when it stopped", fmt::format("notaus audit report --stop {} --json", report.record.id));
  if (report.record.reason.empty() && report.stored) say("add the reason:  notaus note {} --reason \"…\"\n", report.record.id);
  if (report.stored || report.record.host_only) say("lift it:         notaus resume {} --reason \"…\"\n", report.record.id);
  if (!report.checkpoint.empty())
    say("check the log:   notaus audit verify --since \"{}\"\n", audit::ticket_text(report.checkpoint));
  say("{}\n", headline(report, verb_of(report)));
  return report.exit;
}

int stop_and_answer(const Place& place, const control::StopRequest& request, Output output) {
  control::Report report = control::stop(place.site, request, names_in(place.config));
  if (!place.config_trouble.empty())
    report.warnings.insert(report.warnings.begin(), place.config_trouble + " (the stop went on with defaults)");
  const int exit = answer_stop(report, output);
  (void)said();
  if (report.logged_by && answer(exit)) report.logged_by(std::chrono::steady_clock::now() + kLogPatience);
  return exit;
}

int answer_preview(const control::Report& report, Output output) {
  warn(report.warnings);
  if (output == Output::json) {
    say("{}\n", dump(to_json(report)));
    return report.exit;
  }
  print_calls(report, "in flight now, would be listed", "--json has them all");
  std::size_t points = report.hosts.empty() ? 0 : report.hosts.front().points;
  say("dry run, nothing was changed: would stop {} mode={} on {} point(s), {} call(s) in flight\n",
      shown(core::text(report.record.selector)), text(report.record.mode), points, report.in_flight.size());
  return report.exit;
}

}  // namespace

Result<> check_names(const std::vector<Named>& given) {
  for (const auto& [what, name] : given)
    if (!name.empty())
      if (auto good = core::check_name(what, name); !good) return good;
  return {};
}

core::Selector selector_of(const SelectorFlags& scope) { return {scope.tenant, scope.agent, scope.tool}; }

Result<> check_scope(const SelectorFlags& scope) {
  if (auto good = check_names({{"--tenant", scope.tenant}, {"--agent", scope.agent}, {"--tool", scope.tool}}); !good) return good;
  if (scope.tool == "*")
    return trouble(Kind::refused, "--tool * is no tool's name: leave --tool out to stop every write, or add --mode stop_all");
  if (!selector_of(scope).global() && scope.global)
    return trouble(Kind::refused, "--global and --tenant, --agent or --tool exclude each other: which is meant?");
  return {};
}

int stop_command(const Common& common, const StopFlags& flags, Output output) {
  const core::Selector selector = selector_of(flags.scope);
  if (selector.global() && !flags.scope.global) return suggest(common);
  if (auto good = check_scope(flags.scope); !good) return usage(good.error().what);
  if (flags.grace_given && !flags.cancel) return usage("--grace goes with --cancel: without it, calls in flight end by themselves");
  if (!flags.mode.empty() && !selector.tool.empty())
    return usage("--mode does not go with --tool: a stopped tool is stopped for reads and writes");
  auto mode = core::mode_of(flags.mode.empty() ? "disable_writes" : flags.mode);
  if (!mode || *mode == core::Mode::disable_tool)
    return usage(fmt::format("--mode {}: it is disable_writes or stop_all", flags.mode));
  auto place = existing_place(common);
  if (!place) return fail(place.error(), output, to_json(control::Report{}));
  control::StopRequest request{.selector = selector,
                               .mode = flags.mode.empty() ? place->config.kill_switch.mode_when_enabled : *mode};
  if (!selector.tool.empty()) request.mode = core::Mode::disable_tool;
  request.reason = flags.reason;
  if (flags.cancel) request.grace = flags.grace;
  if (flags.local) request.reach = control::Reach::this_host;
  request.by = actor();
  request.wait = flags.no_wait ? control::Wait::not_at_all : control::Wait::until_confirmed;
  request.at_most = flags.wait;
  request.placed = [] {
    placed = true;
    std::signal(SIGINT, interrupted);
  };
  std::signal(SIGPIPE, SIG_IGN);  // whether anybody reads what we say is nothing to stop for
  if (flags.dry_run) return answer_preview(control::preview(place->site, request, names_in(place->config)), output);
  return apart([&] {
    try {
      return stop_and_answer(*place, request, output);
    } catch (const std::exception&) {
      return cut_short();
    }
  });
}

int resume_command(const Common& common, const ResumeFlags& flags, Output output) {
  const bool by_selector = flags.scope.global || !selector_of(flags.scope).global();
  if (flags.id.empty() == !by_selector)
    return usage("resume one stop: its ID, or a selector (--global, --tenant, --agent, --tool) equal to the stop's");
  if (flags.reason.empty()) return usage("a resume needs --reason \"…\": it loosens, so it is written down first");
  auto place = existing_place(common);
  if (!place) return fail(place.error(), output, to_json(control::Report{}));
  control::ResumeRequest request{.id = flags.id, .selector = {}, .reason = flags.reason, .by = actor()};
  if (flags.despite_silent) request.silent = control::Silent::passed_over;
  if (by_selector) request.selector = selector_of(flags.scope);
  control::Report report = control::resume(place->site, request);
  if (output == Output::json && report.exit != control::kNotAuthorised) say("{}\n", dump(to_json(report)));
  if (report.exit != control::kDone && report.exit != control::kNotConfirmed) {
    for (const std::string& why : report.warnings) say_to(stderr, "notaus: not resumed: {}\n", why);
    return report.exit;
  }
  warn(report.warnings);
  if (output == Output::json) return report.exit;
  if (!report.still_stopped_by.empty()) say("still stopped by: {}\n", fmt::format("{}", fmt::join(report.still_stopped_by, ", ")));
  say("resumed {} revision={} by {}: {}\n", flags.id.empty() ? report.record.id : flags.id, report.revision.value_or(0), request.by,
      shown(flags.reason));
  return report.exit;
}

int note_command(const Common& common, const std::string& id, const std::string& reason, Output output) {
  auto place = existing_place(common);
  if (!place) return fail(place.error(), output, to_json(control::Report{}));
  control::Report report = control::note(place->site, id, reason, actor());
  if (output == Output::json) say("{}\n", dump(to_json(report)));
  if (report.exit != control::kDone) {
    warn(report.warnings);
    return report.exit;
  }
  if (output == Output::text) say("noted {} revision={}: {}\n", id, report.revision.value_or(0), shown(reason));
  return report.exit;
}

}  // namespace notaus::app
