#include "app/print.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json.h"

namespace notaus::app {
namespace {

double rounded(double ms) { return std::round(ms * 1000) / 1000; }

Json to_json(const core::Selector& selector) {
  Json out = Json::object();
  if (!selector.tenant.empty()) out["tenant"] = selector.tenant;
  if (!selector.agent.empty()) out["agent"] = selector.agent;
  if (!selector.tool.empty()) out["tool"] = selector.tool;
  return out;
}

Json to_json(const control::HostRow& row) {
  return {{"host", row.host},
          {"state", row.state},
          {"revision", row.revision},
          {"points", row.points},
          {"admission_only", row.admission_only}};
}

Json to_json(const control::InFlight& one) {
  Call call = one.call.call();
  return {{"host", one.host},
          {"call", one.call.id()},
          {"tenant", call.tenant},
          {"agent", call.agent},
          {"run", call.run},
          {"tool", call.tool},
          {"effect", core::text(call.effect)},
          {"since", iso8601({one.call.entry.since})},
          {"outcome", core::text(one.call.outcome)}};
}

template <class Rows>
Json list(const Rows& rows) {
  Json out = Json::array();
  for (const auto& row : rows) out.push_back(to_json(row));
  return out;
}

}  // namespace

void say_as_is(std::FILE* where, std::string_view text) { (void)!std::fwrite(text.data(), 1, text.size(), where); }

bool said() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  say_to(stderr, "notaus: the answer could not be written{}\n", errno != 0 ? fmt::format(": {}", std::strerror(errno)) : "");
  return false;
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

std::string dump(const Json& json) { return harmless(json.dump(-1, ' ', false, Json::error_handler_t::replace)); }

Json to_json(const core::Stop& stop) {
  Json out = {{"id", stop.id},           {"selector", to_json(stop.selector)},
              {"mode", text(stop.mode)}, {"reason", stop.reason.empty() ? Json(nullptr) : Json(stop.reason)},
              {"by", stop.by},           {"at", iso8601(stop.at)}};
  if (stop.grace) out["grace_ms"] = stop.grace->count();
  if (stop.host_only) out["host_only"] = true;
  return out;
}

Json to_json(const control::Report& report) {
  Json out = {{"schema", 1},
              {"exit", report.exit},
              {"state_dir", report.state_dir},
              {"record", report.record.id.empty() ? Json(nullptr) : to_json(report.record)},
              {"epoch", report.epoch}};
  out["revision"] = report.revision ? Json(*report.revision) : Json(nullptr);
  out["stored"] = report.stored;
  out["confirmed"] = report.confirmed;
  out["durable"] = report.durable;
  out["hosts"] = list(report.hosts);
  out["in_flight"] = list(report.in_flight);
  out["in_flight_complete"] = report.in_flight_complete;
  out["still_stopped_by"] = report.still_stopped_by;
  out["elapsed_ms"] = {{"committed", rounded(report.committed_ms)}, {"confirmed", rounded(report.confirmed_ms)}};
  out["audit"] = report.audit_durable ? "durable" : "pending";
  out["checkpoint"] = report.checkpoint.empty() ? Json(nullptr) : Json(report.checkpoint);
  out["warnings"] = report.warnings;
  return out;
}

Json to_json(const control::Status& status) {
  Json out = {{"schema", 1}, {"state_dir", ""}, {"epoch", status.view.state.epoch}, {"revision", status.view.state.revision}};
  out["stops"] = Json::array();
  for (const core::Stop& stop : status.view.state.stops) out["stops"].push_back(to_json(stop));
  if (status.latched)
    out["stops"].push_back({{"id", "latch@" + status.host.host},
                            {"selector", Json::object()},
                            {"mode", "stop_all"},
                            {"reason", nullptr},
                            {"by", nullptr},
                            {"at", nullptr}});
  out["hosts"] = Json::array({to_json(status.host)});
  out["in_flight"] = status.in_flight;
  out["denied"] = status.denied;
  out["lost_denials"] = status.lost_denials;
  out["in_doubt"] = status.in_doubt;
  out["fenced"] = status.view.state.fence != Why::allowed;
  out["last_drill"] = nullptr;
  out["warnings"] = status.warnings;
  return out;
}

Json to_json(const control::Drained& drained) {
  return {{"schema", 1},
          {"exit", drained.exit},
          {"state_dir", drained.state_dir},
          {"in_flight", list(drained.calls)},
          {"remaining", drained.remaining},
          {"in_flight_complete", drained.complete},
          {"elapsed_ms", rounded(drained.elapsed_ms)},
          {"warnings", drained.warnings}};
}

void warn(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) say_to(stderr, "notaus: {}\n", line);
}

int usage(const std::string& what) {
  say_to(stderr, "notaus: {}\n", what);
  return control::kUsage;
}

int fail(const Trouble& why) {
  say_to(stderr, "notaus: {}\n", why.what);
  return why.kind == Kind::refused ? control::kNotAuthorised : control::kFailed;
}

int fail(const Trouble& why, Output output, Json answer) {
  const int exit = fail(why);
  if (output == Output::json && exit != control::kNotAuthorised && !answer.is_null()) {
    answer["warnings"] = {why.what};
    say("{}\n", dump(answer));
  }
  return exit;
}

std::string describe(const core::Stop& stop) {
  std::string reason = stop.reason.empty() ? "no reason given" : shown(stop.reason);
  return fmt::format("{}  {}  {}{}  since {} by {}: {}{}", stop.id, shown(core::text(stop.selector)), text(stop.mode),
                     stop.grace ? " and cancel" : "", iso8601(stop.at), shown(stop.by), reason,
                     stop.host_only ? "  [this host only]"
                     : stop.local   ? "  [this host only, not yet in the ledger]"
                                    : "");
}

std::string or_dash(std::string_view name) { return name.empty() ? "-" : shown(name); }

std::string describe(const control::InFlight& one) {
  Call call = one.call.call();
  return fmt::format("{:8} {}  {}/{}  since {}  {}", core::text(one.call.outcome), or_dash(call.tool), or_dash(call.tenant),
                     or_dash(call.agent), iso8601({one.call.entry.since}), one.call.id());
}

void say_calls(std::span<const control::InFlight> calls, const std::string& all_by) {
  for (const control::InFlight& call : calls.first(std::min(calls.size(), kMostListed))) say("  {}\n", describe(call));
  if (calls.size() > kMostListed) say("  and {} more: {}\n", calls.size() - kMostListed, all_by);
}

}  // namespace notaus::app
