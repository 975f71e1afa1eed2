#include "control/resume.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/boot.h"
#include "base/id.h"
#include "base/user.h"
#include "control/stop_log.h"
#include "core/record.h"
#include "host/reconcile.h"
#include "page/durable.h"
#include "page/sentinel.h"

namespace notaus::control {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::milliseconds(5000);

Report refuse(Report report, std::string why) {
  report.exit = kFailed;
  report.warnings.push_back(std::move(why));
  return report;
}

// What the page says before anything is waited for: a resume lifts only what it saw at its beginning.
core::State seen_first(const host::Site& site) {
  auto publisher = page::Publisher::open(site.state);
  auto shown = publisher ? publisher->current() : Result<core::State>(std::unexpected(publisher.error()));
  return shown ? *shown : core::State{};
}

// A stop and its repeats are one, whichever of their ids was read on the page.
Result<core::Stop> target_of(const ResumeRequest& request, const core::State& state) {
  std::vector<core::Stop> found;
  const std::string id = core::repeated_by(request.id);
  for (core::Stop stop : state.stops) {
    stop.id = core::repeated_by(stop.id);
    const bool known = std::ranges::find(found, stop.id, &core::Stop::id) != found.end();
    if (!known && (request.selector ? stop.selector == *request.selector : stop.id == id)) found.push_back(std::move(stop));
  }
  if (found.size() == 1) return found.front();
  const std::string asked = request.selector ? core::text(*request.selector) : request.id;
  if (found.empty()) return trouble(Kind::gone, fmt::format("no stop {} stands; `notaus status` lists those that do", asked));
  std::vector<std::string> ids;
  for (const core::Stop& stop : found) ids.push_back(fmt::format("{} (by {})", stop.id, stop.by));
  return trouble(Kind::refused, fmt::format("{} stops stand with selector {}: {}; resume one of them by its id", found.size(),
                                            asked, fmt::join(ids, ", ")));
}

// The newest revision of `target` that the author of a resume can have seen: what the page said at `first`, with what the ledger has made
// of its local stops since; a stop that did not stand there is seen in the ledger, at `read`.
Result<std::uint64_t> seen_revision(const core::Stop& target, const core::State& first, std::uint64_t read, ledger::Ledger& book) {
  std::vector<std::string> local;
  bool stood = false;
  for (const core::Stop& stop : first.stops) {
    if (core::repeated_by(stop.id) != target.id) continue;
    stood = true;
    if (stop.local) local.push_back(stop.id);
  }
  if (!stood) return read;
  auto told = book.accounted(local);
  if (!told) return std::unexpected(told.error());
  std::uint64_t seen = first.revision;
  for (const auto& [id, revision] : *told) seen = std::max(seen, revision);
  return seen;
}

std::string effects_of(const core::Action& action) {
  JsonLine out;
  for (const auto& [tool, effect] : action.effects) out.field(tool, core::text(effect));
  return out.text();
}

// What the log must hold, durably, before anything is loosened. log_actions() adds the action itself once the ledger has it.
Result<std::string> record_intent(const host::Site& site, ledger::Ledger& book, const core::Action& action,
                                  const std::vector<std::string>& silent) {
  auto log = host::open_log(site, kPatience);
  if (!log) return std::unexpected(log.error());
  if (auto logged = host::log_actions(site, *log, book); !logged) return std::unexpected(logged.error());
  JsonLine line = core::begin_record(text(action.act), {action.at, boot_now()}, boot_id());
  line.field("phase", "intent").field("action", action.id);
  if (!action.target.empty()) line.field("id", action.target);
  line.field("by", action.by).field("uid", std::uint64_t{*action.uid}).field("reason", action.reason).field("seen", action.seen);
  if (!action.effects.empty()) line.raw("effects", effects_of(action));
  if (!silent.empty()) line.field("despite", fmt::format("{}", fmt::join(silent, "; ")));
  if (auto logged = log->append({{line.text()}}); !logged) return std::unexpected(logged.error());
  return log->checkpoint();
}

// The right to resume on one host is write access to its state; the ledger's file mode says who has it.
Trouble as_answer(Trouble why) {
  if (why.kind == Kind::refused) why.what += " (you may not change this state)";
  return why;
}

bool overlap(const core::Selector& a, const core::Selector& b) {
  auto field = [](const std::string& x, const std::string& y) { return x.empty() || y.empty() || x == y; };
  auto tool = a.tool.empty() || b.tool.empty() || core::tool_matches(a.tool, b.tool) || core::tool_matches(b.tool, a.tool);
  return field(a.tenant, b.tenant) && field(a.agent, b.agent) && tool;
}

// A loosening: recorded first, then in the ledger, then on the page and in the durable file.
Result<core::State> loosen(const host::Site& site, ledger::Ledger& book, const core::Action& action, Report& report,
                           const std::vector<std::string>& silent = {}) {
  const auto start = Clock::now();
  auto recorded = record_intent(site, book, action, silent);
  if (!recorded)
    return std::unexpected(recorded.error().in("refused, since the audit record that must come first cannot be written"));
  report.audit_durable = true;
  report.checkpoint = *std::move(recorded);
  auto stored = book.append(action);
  if (!stored) return stored;
  report.stored = true;
  report.revision = stored->revision;
  report.committed_ms = ms_since(start);
  auto lock = page::PageLock::take(site.state, kPatience);
  if (!lock) return std::unexpected(lock.error());
  auto publisher = page::Publisher::open(site.state);
  if (!publisher) return std::unexpected(publisher.error());
  if (!action.host.empty()) (void)publisher->drop_local(*lock, action.target);
  auto shown = host::publish(site, *lock, *publisher, book, *stored);
  if (!shown) return shown;
  report.durable = host::write_durable(site, book, *shown, kPatience).has_value();
  report.confirmed = shown->revision >= stored->revision;
  report.confirmed_ms = ms_since(start);
  if (auto log = host::open_log(site, kPatience)) {
    (void)host::log_actions(site, *log, book);
    report.checkpoint = log->checkpoint();
    (void)log->settle();  // a stop never does, and reads what has grown
  }
  return shown;
}

core::Action action_for(core::Act act, std::string target, const std::string& reason, const std::string& by, std::uint64_t seen) {
  core::Action action;
  action.id = new_id();
  action.act = act;
  action.by = by;
  action.uid = asking_user();
  action.at = wall_now();
  action.reason = reason;
  action.target = std::move(target);
  action.seen = seen;
  return action;
}

void describe_host(const host::Site& site, const core::State& shown, Report& report) {
  report.hosts.push_back(row_of(site.host, shown.revision, page::scan(site.state), report.warnings));
  report.in_flight_complete = true;
}

// Stops that found the page locked are in the ledger or at least in the durable file: they go onto the page.
Result<core::State> publish_stored(const host::Site& site, const page::PageLock& lock, page::Publisher& publisher,
                                   ledger::Ledger& book) {
  auto shown = publisher.current();
  auto durable = page::read_durable(site.state);
  for (const core::Stop& stop : durable ? durable->state.stops : std::vector<core::Stop>{}) {
    if (!stop.local || !shown || std::ranges::find(shown->stops, stop.id, &core::Stop::id) != shown->stops.end()) continue;
    auto accounted = book.accounted({stop.id});
    if (!accounted) return std::unexpected(accounted.error());
    if (accounted->empty()) shown = publisher.add_local(lock, stop);
  }
  if (!shown) return shown;
  auto read = book.read();
  if (!read) return read;
  shown = host::publish(site, lock, publisher, book, *std::move(read));
  if (shown && shown->fence != Why::allowed) return trouble(Kind::broken, host::explain_fence(shown->fence, site.state.path));
  return shown;
}

// The latch is no stop of the ledger: it goes once the page says again all that is stored, which needs the lock.
Result<core::State> unlatch(const host::Site& site, ledger::Ledger& book) {
  auto lock = page::PageLock::take(site.state, kPatience);
  if (!lock) return std::unexpected(lock.error());
  auto publisher = page::Publisher::open(site.state);  // only now is it sure to be the page that stays
  if (!publisher) return std::unexpected(publisher.error());
  while (true) {
    const std::uint64_t seen = publisher->latch_word();
    auto shown = publish_stored(site, *lock, *publisher, book);
    if (!shown || publisher->unlatch(*lock, seen)) return shown;
  }
}

Report lift_latch(const host::Site& site, ledger::Ledger& book, const ResumeRequest& request,
                  const std::vector<std::string>& silent, Report report) {
  core::Action action = action_for(core::Act::resume, request.id, request.reason, request.by, report.revision.value_or(0));
  auto recorded = record_intent(site, book, action, silent);
  if (!recorded) return refuse(std::move(report), recorded.error().what);
  report.checkpoint = *std::move(recorded);
  auto shown = unlatch(site, book);
  if (!shown) return refuse(std::move(report), shown.error().what);
  report.revision = shown->revision;
  report.audit_durable = report.stored = report.confirmed = true;
  report.durable = host::write_durable(site, book, *shown, kPatience).has_value();
  if (auto logged = log_lifted(site, action, shown->revision, book, kPatience))
    report.checkpoint = *std::move(logged);
  else
    report.warnings.push_back(
        fmt::format("that it was lifted is not in the audit log yet, only that it would be: {}", logged.error().what));
  describe_host(site, *shown, report);
  for (const core::Stop& stop : shown->stops) report.still_stopped_by.push_back(stop.id);
  report.exit = kDone;
  return report;
}

}  // namespace

Report resume(const host::Site& site, const ResumeRequest& request) {
  Report report;
  report.state_dir = site.state.path;
  if (request.reason.empty()) return refuse(std::move(report), "a resume needs --reason");
  const core::State first = seen_first(site);
  auto view = host::sync(site, kPatience);
  if (!view) {
    Report refused = refuse(std::move(report), as_answer(view.error()).what);
    if (view.error().kind == Kind::refused) refused.exit = kNotAuthorised;
    return refused;
  }
  report.epoch = view->state.epoch;
  report.revision = view->state.revision;
  if (!view->book || view->state.fence != Why::allowed) return refuse(std::move(report), view->warning);
  std::vector<std::string> silent;
  if (row_of(site.host, 0, page::scan(site.state), silent).state != "acked" && request.silent == Silent::refuses)
    return refuse(std::move(report), fmt::format("{} (or add --despite-silent)", fmt::join(silent, "; ")));
  if (request.id.starts_with("latch@")) return lift_latch(site, *view->book, request, silent, std::move(report));
  auto target = target_of(request, view->state);
  if (!target) return refuse(std::move(report), target.error().what);
  report.record = *target;
  if (target->by == page::kSentinelActor && page::sentinel_stands(site.state))
    return refuse(std::move(report),
                  fmt::format("{} still stands and would stop this host again: remove it first", site.state.sentinel()));
  auto seen = seen_revision(*target, first, view->state.revision, *view->book);
  if (!seen) return refuse(std::move(report), seen.error().what);
  core::Action action = action_for(core::Act::resume, target->id, request.reason, request.by, *seen);
  if (target->host_only) action.host = site.host;
  auto shown = loosen(site, *view->book, action, report, silent);
  if (!shown) return refuse(std::move(report), shown.error().what);
  describe_host(site, *shown, report);
  for (const core::Stop& stop : shown->stops)
    if (overlap(stop.selector, target->selector)) report.still_stopped_by.push_back(stop.id);
  report.exit = report.confirmed ? kDone : kNotConfirmed;
  return report;
}

Report note(const host::Site& site, const std::string& id, const std::string& reason, const std::string& by) {
  Report report;
  report.state_dir = site.state.path;
  if (reason.empty()) return refuse(std::move(report), "a note needs --reason");
  auto view = host::sync(site, kPatience);
  if (!view || !view->book) return refuse(std::move(report), view ? view->warning : view.error().what);
  auto target = target_of({.id = id, .selector = {}, .reason = reason, .by = by}, view->state);
  if (!target) return refuse(std::move(report), target.error().what);
  report.epoch = view->state.epoch;
  auto shown = loosen(site, *view->book, action_for(core::Act::note, id, reason, by, view->state.revision), report);
  if (!shown) return refuse(std::move(report), shown.error().what);
  auto standing = std::ranges::find(shown->stops, id, &core::Stop::id);
  report.record = standing != shown->stops.end() ? *standing : *target;
  describe_host(site, *shown, report);
  report.exit = kDone;
  return report;
}

Result<core::State> approve(const host::Site& site, const std::map<std::string, Effect>& effects, const std::string& by) {
  auto view = host::sync(site, kPatience);
  if (!view) return std::unexpected(view.error());
  if (!view->book) return trouble(Kind::broken, view->warning);
  const auto here = std::ranges::find(view->state.stops, true, &core::Stop::host_only);  // the ledger does not count these
  if (here != view->state.stops.end() &&
      std::ranges::any_of(effects, [&](const auto& one) { return core::loosens(view->state, one.first, one.second); }))
    return trouble(Kind::refused,
                   fmt::format("it would loosen the catalogue while stop {} stands on this host; resume it first", here->id));
  Report report;
  core::Action action = action_for(core::Act::approve, {}, "tools approve", by, view->state.revision);
  action.effects = effects;
  return loosen(site, *view->book, action, report);
}

}  // namespace notaus::control
