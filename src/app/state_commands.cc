#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/print.h"
#include "base/fd.h"
#include "control/resume.h"
#include "control/status.h"
#include "page/scan.h"
#include "page/sentinel.h"

namespace notaus::app {
namespace {

bool gate_runs(const page::StateDir& state) {
  return std::ranges::any_of(page::scan(state), [](const auto& point) { return point.alive && point.name.starts_with("gate:"); });
}

// The configuration that a first init finds is what the operator has written; approving it is what init is for.
int approve_found(const Place& place) {
  const std::map<std::string, Effect> effects = config::proposed_effects(place.config);
  if (effects.empty()) return control::kDone;
  auto approved = control::approve(place.site, effects, actor());
  if (!approved) return fail(approved.error());
  say("approved {} tool(s) of {}\n", effects.size(), place.config_path);
  return control::kDone;
}

int recover_state(const Place& place) {
  auto state = host::recover(place.site, actor());
  if (!state) return fail(state.error());
  warn({"running processes deny every call until they are started again: the ledger is a new one"});
  say("recovered {}: epoch {} revision {}, {} stop(s) kept\n", place.site.state.path, state->epoch, state->revision,
      state->stops.size());
  return control::kDone;
}

void print_status(const Place& place, const control::Status& status, const std::string& tenant) {
  const core::State& state = status.view.state;
  say("state {}  epoch {}  revision {}\n", place.site.state.path, state.epoch.substr(0, 8), state.revision);
  for (const page::SeenPoint& point : status.points) {
    if (!point.alive || (!tenant.empty() && point.tenant != tenant)) continue;
    auto running = std::ranges::count(point.calls, Outcome::running, &page::SeenCall::outcome);
    say("point {}  tenant {}  agent {}  in flight {}{}\n", shown(point.process), or_dash(point.tenant), or_dash(point.agent),
        running, point.admission_only ? ", never hears how a call ends" : "");
  }
  std::size_t listed = 0;
  for (const core::Stop& stop : state.stops) {
    if (!tenant.empty() && !stop.selector.tenant.empty() && stop.selector.tenant != tenant) continue;
    say("stop {}\n", describe(stop));
    ++listed;
  }
  say("sentinel {}: {}, watched by {} point(s)\n", place.site.state.sentinel(),
      page::sentinel_stands(place.site.state) ? "STANDS" : "absent", status.host.points);
  if (status.view.rebuilt) say("the live page was rebuilt\n");
  std::string_view verdict = listed > 0 ? "STOPPED" : "running";
  if (status.latched || state.fence != Why::allowed) verdict = "EVERYTHING DENIED";
  say("{}: {} stop(s), {} point(s), {} call(s) in flight\n", verdict, listed, status.host.points, status.in_flight);
}

Json no_status() {
  return {{"schema", 1},          {"state_dir", nullptr},   {"epoch", nullptr},
          {"revision", nullptr},  {"stops", Json::array()}, {"hosts", Json::array()},
          {"in_flight", nullptr}, {"denied", nullptr},      {"lost_denials", nullptr},
          {"in_doubt", nullptr},  {"fenced", nullptr},      {"last_drill", nullptr}};
}

int show_once(const Place& place, const StatusFlags& flags, Output output) {
  auto status = control::status(place.site);
  if (!status) return fail(status.error(), output, no_status());
  warn(status->warnings);
  if (output == Output::text) {
    print_status(place, *status, flags.tenant);
    return control::kDone;
  }
  Json json = to_json(*status);
  json["state_dir"] = place.site.state.path;
  say("{}\n", dump(json));
  return control::kDone;
}

}  // namespace

int init_command(const Common& common, Init how) {
  auto place = find_place(common);
  if (!place) return fail(place.error());
  if (!place->config_trouble.empty()) return fail({Kind::broken, place->config_trouble});
  if (how == Init::recover) return page::exists(place->site.state) ? recover_state(*place) : fail(existing_place(common).error());
  if (page::exists(place->site.state)) {
    bool whole = access(place->site.state.ledger().c_str(), F_OK) == 0;
    return fail({Kind::broken,
                 fmt::format("{} is a state already; {}", place->site.state.path,
                             whole ? "nothing was changed"
                                   : "but its ledger is missing. To make a new one that keeps every stop: notaus init --recover")});
  }
  auto created = host::create(place->site);
  if (!created) return fail(created.error());
  if (!created->fresh)
    return fail({Kind::broken, place->site.state.path + " was made by another process just now; nothing was changed"});
  if (place->config_path.empty()) {
    auto file = open_file(place->site.state.config(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file) (void)write_all(file->get(), config::commented_default());
  }
  if (int code = approve_found(*place); code != control::kDone) return code;
  say("made {}: wrap a tool server with `notaus mcp -- COMMAND`, stop with `notaus stop`\n", place->site.state.path);
  return control::kDone;
}

int status_command(const Common& common, const StatusFlags& flags, Output output) {
  auto place = existing_place(common);
  if (!place) return fail(place.error(), output, no_status());
  if (flags.assumptions) {
    auto lines = control::assumptions(place->site);
    if (output == Output::json)
      say("{}\n", dump({{"schema", 1}, {"assumptions", lines}}));
    else
      for (const std::string& line : lines) say("{}\n", line);
    return control::kDone;
  }
  int code = show_once(*place, flags, output);
  while (flags.watch) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (output == Output::text) say("\n");
    code = show_once(*place, flags, output);
    std::fflush(stdout);
  }
  return code;
}

int check_command(const Common& common, const CheckFlags& flags, Output output) {
  auto effect = core::effect_of(flags.effect.empty() ? "read" : flags.effect);
  if (!effect) {
    warn({fmt::format("--effect {}: it is read or write", flags.effect)});
    return control::kUsage;
  }
  auto place = existing_place(common);
  if (!place) {
    const std::string missing = reason(Why::page_missing, flags.tool);
    return fail(place.error(), output,
                {{"schema", 1}, {"allowed", false}, {"reason", missing}, {"stop", nullptr}, {"revision", nullptr}});
  }
  auto answer = control::check(place->site, {.tenant = flags.tenant, .agent = flags.agent, .tool = flags.tool, .effect = *effect});
  if (output == Output::json) {
    say("{}\n", dump({{"schema", 1},
                      {"allowed", answer.allowed},
                      {"reason", or_null(answer.reason)},
                      {"stop", or_null(answer.stop)},
                      {"revision", answer.revision}}));
  } else {
    say("{}\n", answer.allowed ? "allowed" : shown(answer.reason) + (answer.stop.empty() ? "" : "  (stop " + answer.stop + ")"));
  }
  if (!answer.help.empty()) warn({answer.help});
  return answer.allowed ? control::kDone : control::kDenied;
}

int doctor_command(const Common& common, Output output) {
  auto place = existing_place(common);
  if (!place) return fail(place.error(), output, {{"schema", 1}, {"state_dir", nullptr}, {"findings", Json::array()}});
  auto findings = control::doctor(place->site);
  if (!place->config_trouble.empty())
    findings.push_back({place->config_trouble, "correct it; stops go on with defaults until then"});
  for (const std::string& key : idle_keys(place->config))
    findings.push_back({fmt::format("{}: `{}` has no effect in this version", place->config_path, key), "do not rely on it"});
  if (const std::string& keep = place->config.audit.keep.text; !keep.empty() && !gate_runs(place->site.state))
    findings.push_back(
        {fmt::format("{}: `audit: keep: {}` is carried out by `notaus up`, which does not run", place->config_path, keep),
         "run it, or `notaus audit prune` from a timer"});
  if (output == Output::json) {
    Json list = Json::array();
    for (const control::Finding& finding : findings) list.push_back({{"finding", finding.what}, {"remedy", finding.remedy}});
    say("{}\n", dump({{"schema", 1}, {"state_dir", place->site.state.path}, {"findings", list}}));
  } else {
    for (const control::Finding& finding : findings) say("{}\n    {}\n", shown(finding.what), shown(finding.remedy));
    say("{}: {} finding(s)\n", place->site.state.path, findings.size());
  }
  return findings.empty() ? control::kDone : control::kFailed;
}

}  // namespace notaus::app
