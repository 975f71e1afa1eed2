#include "control/stop.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/id.h"
#include "base/user.h"
#include "control/admitted.h"
#include "control/attempts.h"
#include "control/drain.h"
#include "control/flip.h"
#include "control/hunt.h"
#include "control/stop_log.h"
#include "page/durable.h"

namespace notaus::control {
namespace {

using Clock = std::chrono::steady_clock;

struct Stored {
  core::State state;
  std::shared_ptr<ledger::Ledger> book;  // open still: whoever writes the log reads it next
};

Result<Stored> store(const host::Site& site, const Record& record, host::Patience patience) {
  if (record.local.host_only) return trouble(Kind::refused, "asked to stop this host alone (--local)");
  auto book = host::open_ledger(site, patience);
  if (!book) return std::unexpected(book.error());
  if (record.repeats && record.repeats->local)  // never told without the stop it repeats
    if (auto first = host::store_local(site, **book, *record.repeats); !first) return std::unexpected(first.error());
  auto stored = host::store_local(site, **book, record.local, asking_user());
  if (!stored) return std::unexpected(stored.error());
  auto publisher = page::Publisher::open(site.state);  // if not, the local record goes on holding
  if (publisher) (void)host::publish(site, *publisher, **book, *stored, kLockPatience);
  return Stored{*std::move(stored), *std::move(book)};
}

using Calls = std::vector<page::SeenCall>;

// Which calls a stop is about, by what the page shows with it.
class Scope {
 public:
  explicit Scope(const Flipped& flipped)
      : stop_(flipped.record.local),
        image_(core::flatten(flipped.shown, page::kImageMax)),
        state_(image_ ? core::Snapshot::trust(core::bytes_of(*image_)) : core::Snapshot()) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  void list(const std::string& host, const Calls& calls, Report& report) const {
    for (const page::SeenCall& call : calls)
      if (page::covers(stop_, call.entry, state_)) report.in_flight.push_back({host, call});
  }

 private:
  const core::Stop& stop_;
  const Result<std::vector<std::uint64_t>> image_;
  const core::Snapshot state_;  // views into it
};

void list_calls(const host::Site& site, const Flipped& flipped, const Scope& scope, Report& report) {
  HostRow row = row_of(site.host, flipped.shown.revision, flipped.points, report.warnings);
  for (const page::SeenPoint& point : flipped.points) scope.list(site.host, point.calls, report);
  report.in_flight_complete = row.state == "acked" && flipped.latch == Latch::open;  // a latch has no word to tell who ended since
  report.hosts.push_back(std::move(row));
}

// Beside those in flight, and not in the log's list of them: each has a record of its own.
void list_admitted(const host::Site& site, const Scope& scope, std::unique_ptr<Result<Calls>> lately, Report& report) {
  if (!lately || !*lately) {
    report.in_flight_complete = false;
    return report.warnings.push_back(fmt::format(
        "what admission-only points let go in the last {} s is not listed: {}", kUnheard.count(),
        lately ? lately->error().what : "the look at it did not end in time (`notaus audit list --kind admitted_write`)"));
  }
  std::set<std::string> listed;
  for (const InFlight& one : report.in_flight) listed.insert(one.call.id());
  std::erase_if(**lately, [&](const page::SeenCall& call) { return listed.contains(call.id()); });
  scope.list(site.host, **lately, report);
}

void name_silent(const Hunt& found, Report& report) {
  for (const Holder& holder : found.silent) {
    report.hosts.front().state = "silent";
    report.in_flight_complete = false;
    report.warnings.push_back(
        fmt::format("silent point: process {} ({}) holds a page of this state that was deleted or replaced; it "
                    "denies within a second, end it to be sure",
                    holder.pid, holder.program));
  }
}

// Has anything that was ever seen been stopped by this?
bool covers_something(const host::Site& site, const StopRequest& request, const Flipped& flipped, Names known, Report& report) {
  known.add(flipped.shown);
  known.add(flipped.points);
  known.add_log(site.state);
  if (!unknown_fields(request.selector, known).empty()) known.add(page::recent_calls(site.state, flipped.points));
  if (!unknown_fields(request.selector, known).empty()) known.add_spools(site.state);  // of those that left at the stop
  auto unknown = unknown_fields(request.selector, known);
  for (const std::string& line : unknown) report.warnings.push_back(line);
  const bool left = std::ranges::any_of(flipped.points, &page::SeenPoint::left);  // one that the stop ended, for all we know
  if (report.hosts.front().points == 0)
    report.warnings.push_back(
        fmt::format("no process is guarded by {} now{}", site.state.path, left ? "; those that were have ended" : ""));
  return unknown.empty() && (left || report.hosts.front().points > 0);
}

void name_elsewhere(const Hunt& found, Report& report) {
  for (const std::string& other : other_states(found))
    report.warnings.push_back(fmt::format("processes of this machine are guarded by another state: add --state {}", other));
}

// The ledger, if it has the stop.
std::shared_ptr<ledger::Ledger> take_stored(std::unique_ptr<Result<Stored>> stored, Report& report) {
  if (!stored || !*stored) {
    report.warnings.push_back(stored ? "not in the ledger: " + stored->error().what : "the ledger has not answered yet");
    return nullptr;
  }
  const core::State& state = (*stored)->state;
  report.stored = true;
  report.revision = report.hosts.front().revision = state.revision;
  auto standing = std::ranges::find(state.stops, report.record.id, &core::Stop::id);
  report.lifted = standing == state.stops.end();
  if (report.lifted)
    report.warnings.push_back("it does not stand any more: somebody who saw it has resumed it meanwhile (`notaus audit list`)");
  else
    report.record = *standing;
  return (*stored)->book;
}

// `--agent` without a tenant means that name everywhere: the answer says where that is.
void name_tenants(const host::Site& site, const StopRequest& request, const Flipped& flipped, Report& report) {
  if (request.selector.agent.empty() || !request.selector.tenant.empty()) return;
  std::set<std::string> tenants;
  for (const page::SeenPoint& point : flipped.points)
    if (point.agent == request.selector.agent && !point.tenant.empty()) tenants.insert(point.tenant);
  for (const page::Entry& entry : page::recent_calls(site.state, flipped.points))
    if (get_name(entry.agent) == request.selector.agent && entry.tenant.size > 0) tenants.emplace(get_name(entry.tenant));
  if (!tenants.empty())
    report.warnings.push_back(
        fmt::format("agent {} is stopped in every tenant; seen in: {}", request.selector.agent, fmt::join(tenants, ", ")));
}

void take_durable(std::unique_ptr<Result<>> wrote, Report& report) {
  report.durable = wrote && *wrote;
  if (!report.durable)
    report.warnings.push_back(fmt::format("not in the durable file: {}", wrote ? wrote->error().what : "it has not answered yet"));
}

enum class Elsewhere { unsaid, said };

void take_hunt(std::unique_ptr<Hunt> found, Elsewhere elsewhere, Report& report) {
  if (!found) return report.warnings.push_back("the look for silent points did not end in time");
  name_silent(*found, report);
  if (elsewhere == Elsewhere::said) name_elsewhere(*found, report);
}

// Tried beside one another once the page has flipped; none of them can hold up the others or the answer.
struct Attempts {
  Attempt<Result<>> durable;
  Attempt<Hunt> hunting;
  Attempt<Result<Stored>> storing;

  Attempts(const host::Site& site, const Flipped& flipped, const StopRequest& request)
      : durable([state = site.state, shown = flipped.shown, wait = request.at_most] {
          return page::write_durable(state, shown, wait);
        }),
        hunting([state = site.state] { return hunt(state); }),
        storing([site, record = flipped.record, wait = request.at_most] { return store(site, record, wait); }) {}
};

int exit_of(const Report& report, const StopRequest& request, bool matched) {
  if (!report.stored) return kNotInLedger;
  if (request.wait == Wait::not_at_all || !report.confirmed) return kNotConfirmed;
  return matched ? kDone : kNothingMatches;
}

Report failed(const host::Site& site, const StopRequest& request, const Trouble& why) {
  Report report;
  report.state_dir = site.state.path;
  report.record = record_for(request, {}).local;
  report.exit = why.kind == Kind::refused ? kNotAuthorised : kFailed;
  report.warnings.push_back(why.what);
  return report;
}

// None: calls went through that our list lacks, so it has to begin again; but not if this is the `last` time.
std::optional<Report> stop_once(const host::Site& site, const StopRequest& request, Names& known, bool last) {
  const auto start = Clock::now();
  const auto deadline = start + request.at_most;
  auto page = host::open_page(site, request.at_most);  // waits only if there is none, and then everything is denied
  if (!page) return failed(site, request, page.error());
  Report report;
  report.state_dir = site.state.path;
  Flipped flipped = flip(site, page->publisher, request, report);
  page->publisher.wake();
  if (request.placed) request.placed();
  report.record = flipped.record.named();
  report.epoch = flipped.shown.epoch;

  Attempts tried(site, flipped, request);
  look_around(site, flipped);
  const Scope scope(flipped);
  list_calls(site, flipped, scope, report);
  auto book = take_stored(tried.storing.take(deadline), report);
  report.committed_ms = ms_since(start);
  const std::string acked = report.hosts.front().state;
  Attempt<Result<Calls>> looking_back([state = site.state, points = flipped.points] { return lately_admitted(state, points); });
  Attempt<Result<std::string>> auditing([site, report, latch = flipped.latch, book = std::move(book)]() mutable {
    auto logged = log_stop(site, report, latch, book.get());
    book.reset();  // here, where it may take its time
    return logged;
  });
  take_durable(tried.durable.take(deadline), report);
  const bool stands = held(page->publisher, flipped);
  if (!stands && !last) return std::nullopt;
  if (!stands) report.warnings.push_back("its latch was lifted, or its page replaced, each time it was set; ask `notaus status`");
  name_tenants(site, request, flipped, report);
  bool matched = covers_something(site, request, flipped, std::move(known), report);
  // Whoever says --global means this machine, whichever state its processes are guarded by.
  const auto elsewhere = matched && !request.selector.global() ? Elsewhere::unsaid : Elsewhere::said;
  take_hunt(tried.hunting.take(deadline), elsewhere, report);
  if (report.hosts.front().state != acked) spool_ack(site, report);
  list_admitted(site, scope, looking_back.take(deadline), report);
  report.confirmed =
      stands && report.stored && !report.lifted && report.hosts.front().state == "acked" && request.wait == Wait::until_confirmed;
  report.confirmed_ms = ms_since(start);
  auto logged = auditing.take(Clock::now() + kAuditPatience);
  if (!logged) report.logged_by = [auditing](Clock::time_point until) mutable { (void)auditing.take(until); };
  report.audit_durable = report.stored && logged && *logged;
  if (report.audit_durable) report.checkpoint = **logged;
  const bool follows = request.grace && flipped.latch == Latch::open && request.wait == Wait::until_confirmed;
  follow(site, report.in_flight, follows ? start + *request.grace + kGivenUpBy : start);
  report.exit = exit_of(report, request, matched);
  return report;
}

}  // namespace

Report stop(const host::Site& site, const StopRequest& request, Names known) {
  const auto until = Clock::now() + request.at_most;
  for (bool again = false;; again = true)
    if (auto report = stop_once(site, request, known, again && Clock::now() >= until)) return *std::move(report);
}

Report preview(const host::Site& site, const StopRequest& request, Names known) {
  auto page = host::open_page(site, kLockPatience);
  if (!page) return failed(site, request, page.error());
  auto shown = page->publisher.current();
  if (!shown) return failed(site, request, shown.error());
  Report report;
  report.state_dir = site.state.path;
  report.epoch = shown->epoch;
  report.revision = shown->revision;
  Flipped would{.record = record_for(request, *shown), .shown = *shown, .points = page::scan(site.state)};
  report.record = would.record.named();
  const Scope scope(would);
  list_calls(site, would, scope, report);
  list_admitted(site, scope, std::make_unique<Result<Calls>>(lately_admitted(site.state, would.points)), report);
  (void)covers_something(site, request, would, std::move(known), report);
  report.exit = kDone;
  return report;
}

}  // namespace notaus::control
