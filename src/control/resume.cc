#include "control/resume.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/id.h"
#include "base/json.h"
#include "host/reconcile.h"
#include "page/durable.h"

namespace notaus::control {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::milliseconds(5000);

Report refuse(Report report, std::string why) {
  report.exit = kFailed;
  report.warnings.push_back(std::move(why));
  return report;
}

Result<core::Stop> target_of(const ResumeRequest& request, const core::State& state) {
  std::vector<core::Stop> found;
  std::ranges::copy_if(state.stops, std::back_inserter(found), [&](const core::Stop& stop) {
    return request.selector ? stop.selector == *request.selector : stop.id == request.id;
  });
  if (found.size() == 1) return found.front();
  const std::string asked = request.selector ? core::text(*request.selector) : request.id;
  if (found.empty()) return trouble(Kind::gone, fmt::format("no stop {} stands; `notaus status` lists those that do", asked));
  std::vector<std::string> ids;
  for (const core::Stop& stop : found) ids.push_back(fmt::format("{} (by {})", stop.id, stop.by));
  return trouble(Kind::refused, fmt::format("{} stops stand with selector {}: {}; resume one of them by its id", found.size(),
                                            asked, fmt::join(ids, ", ")));
}

// What the log must hold, durably, before anything is loosened. log_actions() adds the action itself once the ledger has it.
Result<> record_intent(const host::Site& site, ledger::Ledger& book, const core::Action& action,
                       const std::vector<std::string>& silent) {
  auto log = audit::Log::open(site.state.log(), site.host, kPatience);
  if (!log) return std::unexpected(log.error());
  if (auto logged = host::log_actions(site, *log, book); !logged) return logged;
  JsonLine line;
  line.field("kind", text(action.act)).field("phase", "intent").field("at", iso8601(action.at)).field("action", action.id);
  if (!action.target.empty()) line.field("id", action.target);
  line.field("by", action.by).field("reason", action.reason).field("seen", action.seen);
  if (!silent.empty()) line.field("despite", fmt::format("{}", fmt::join(silent, "; ")));
  return log->append({{line.text()}});
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
Result<core::State> loosen(const host::Site& site, const core::Action& action, Report& report,
                           const std::vector<std::string>& silent = {}) {
  const auto start = Clock::now();
  auto book = host::open_ledger(site, kPatience);
  if (!book) return std::unexpected(book.error().in("refused, since the ledger cannot be used"));
  if (auto recorded = record_intent(site, **book, action, silent); !recorded)
    return std::unexpected(recorded.error().in("refused, since the audit record that must come first cannot be written"));
  report.audit_durable = true;
  auto stored = book.value()->append(action);
  if (!stored) return stored;
  report.stored = true;
  report.revision = stored->revision;
  report.committed_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  auto publisher = page::Publisher::open(site.state);
  if (!publisher) return std::unexpected(publisher.error());
  auto shown = host::publish(site, *publisher, **book, *stored, {}, kPatience);
  if (!shown) return shown;
  report.durable = page::write_durable(site.state, *shown, kPatience).has_value();
  report.confirmed = shown->revision >= stored->revision;
  report.confirmed_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  if (auto log = audit::Log::open(site.state.log(), site.host, kPatience)) {
    (void)host::log_actions(site, *log, **book);
    (void)log->save_cursor();
  }
  return shown;
}

core::Action action_for(core::Act act, std::string target, const std::string& reason, const std::string& by, std::uint64_t seen) {
  core::Action action;
  action.id = new_id();
  action.act = act;
  action.by = by;
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
  shown = host::publish(site, lock, publisher, book, *std::move(read), {});
  if (shown && shown->fence != Why::allowed) return trouble(Kind::broken, host::explain_fence(shown->fence, site.state.path));
  return shown;
}

// The latch is no stop of the ledger: it goes once the page says again all that is stored, which needs the lock.
Result<core::State> unlatch(const host::Site& site, ledger::Ledger& book) {
  auto publisher = page::Publisher::open(site.state);
  if (!publisher) return std::unexpected(publisher.error());
  auto lock = page::PageLock::take(site.state, kPatience);
  if (!lock) return std::unexpected(lock.error());
  while (true) {
    const std::uint64_t kept = publisher->kept();
    auto shown = publish_stored(site, *lock, *publisher, book);
    if (!shown || publisher->unlatch(*lock, kept)) return shown;
  }
}

Report lift_latch(const host::Site& site, const ResumeRequest& request, const std::vector<std::string>& silent, Report report) {
  core::Action action = action_for(core::Act::resume, request.id, request.reason, request.by, report.revision.value_or(0));
  auto book = host::open_ledger(site, kPatience);
  if (!book) return refuse(std::move(report), book.error().what);
  if (auto recorded = record_intent(site, **book, action, silent); !recorded)
    return refuse(std::move(report), recorded.error().what);
  auto shown = unlatch(site, **book);
  if (!shown) return refuse(std::move(report), shown.error().what);
  report.revision = shown->revision;
  report.audit_durable = report.stored = report.confirmed = true;
  report.durable = page::write_durable(site.state, *shown, kPatience).has_value();
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
  auto view = host::sync(site, kPatience);
  if (!view) {
    Report refused = refuse(std::move(report), as_answer(view.error()).what);
    if (view.error().kind == Kind::refused) refused.exit = kNotAuthorised;
    return refused;
  }
  report.epoch = view->state.epoch;
  report.revision = view->state.revision;
  if (!view->ledger_read || view->state.fence != Why::allowed) return refuse(std::move(report), view->warning);
  std::vector<std::string> silent;
  if (row_of(site.host, 0, page::scan(site.state), silent).state != "acked" && request.silent == Silent::refuses)
    return refuse(std::move(report), fmt::format("{} (or add --despite-silent)", fmt::join(silent, "; ")));
  if (request.id.starts_with("latch@")) return lift_latch(site, request, silent, std::move(report));
  auto target = target_of(request, view->state);
  if (!target) return refuse(std::move(report), target.error().what);
  report.record = *target;
  if (target->local) {  // left behind by a stop that died: it is placed for everyone first, so that its end is too
    auto book = host::open_ledger(site, kPatience);
    auto stored = book ? host::store_local(**book, *target) : Result<core::State>(std::unexpected(book.error()));
    if (!stored) return refuse(std::move(report), stored.error().what);
    view->state.revision = stored->revision;
  }
  auto shown =
      loosen(site, action_for(core::Act::resume, target->id, request.reason, request.by, view->state.revision), report, silent);
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
  if (!view || !view->ledger_read) return refuse(std::move(report), view ? view->warning : view.error().what);
  auto target = target_of({.id = id, .selector = {}, .reason = reason, .by = by}, view->state);
  if (!target) return refuse(std::move(report), target.error().what);
  report.epoch = view->state.epoch;
  auto shown = loosen(site, action_for(core::Act::note, id, reason, by, view->state.revision), report);
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
  if (!view->ledger_read) return trouble(Kind::broken, view->warning);
  Report report;
  core::Action action = action_for(core::Act::approve, {}, "tools approve", by, view->state.revision);
  action.effects = effects;
  return loosen(site, action, report);
}

}  // namespace notaus::control
