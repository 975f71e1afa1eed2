#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "base/id.h"
#include "host/host.h"
#include "host/reconcile.h"
#include "page/durable.h"
#include "page/sentinel.h"

namespace notaus::host {
namespace {

// Of the stops in `known` that do not stand in `read`: those that the ledger was told of, so they were lifted.
Result<ledger::Revisions> told_of(ledger::Ledger& book, const core::State& known, const core::State& read) {
  std::set<std::string> standing;
  for (const core::Stop& stop : read.stops) standing.insert(stop.id);
  std::vector<std::string> missing;
  for (const core::Stop& stop : known.stops)
    if (!standing.contains(stop.id)) missing.push_back(stop.id);
  return book.accounted(missing);
}

Result<core::State> read_ledger(const Result<std::unique_ptr<ledger::Ledger>>& book) {
  if (!book) return std::unexpected(book.error());
  return (*book)->read();
}

// Of a host without a page: what its durable file and the ledger say together.
core::State rebuilt_state(const Site& site, Patience patience) {
  auto durable = page::read_durable(site.state);
  core::State known;
  known.on_fence = site.on_fence;
  if (durable) known = durable->state;
  for (core::Stop& stop : known.stops) stop.cancel_at = {};  // counted on the clock of a boot that may be over
  if (!durable && durable.error().kind != Kind::gone) known.epoch = std::string(32, '0');  // it knew something, now unreadable
  auto book = open_ledger(site, patience);
  auto read = read_ledger(book);
  auto accounted = read ? told_of(**book, known, *read) : std::unexpected(read.error());
  if (!accounted) {
    if (known.epoch.empty()) known.epoch = std::string(32, '0');
    known.fence = Why::page_missing;
    return known;
  }
  if (!durable && durable.error().kind != Kind::gone) known.epoch = read->epoch;  // the ledger is sound: it alone is enough
  return reconcile(known, *read, *accounted);
}

// In order, so that no repeat is told without the stop it repeats. What cannot be told stays local, and the next command tries again.
Result<> store_local_stops(const Site& site, ledger::Ledger& book, const core::State& shown) {
  for (const core::Stop& stop : shown.stops) {
    if (!stop.local) continue;
    auto told = book.accounted({stop.id});
    if (!told) return std::unexpected(told.error());
    if (!told->empty()) continue;
    if (auto stored = store_local(site, book, stop); !stored) return std::unexpected(stored.error());
  }
  return {};
}

Result<core::State> settle(const Site& site, page::Publisher& publisher, ledger::Ledger& book, Patience patience) {
  auto shown = publisher.current();
  if (!shown) return shown;
  auto read = book.read();
  if (read && read->epoch == shown->epoch) {
    (void)store_local_stops(site, book, *shown);
    read = book.read();
  }
  if (!read) return read;
  auto accounted = told_of(book, *shown, *read);
  if (!accounted) return std::unexpected(accounted.error());
  if (core::State next = reconcile(*shown, *read, *accounted); next == *shown) return shown;
  return publish(site, publisher, book, *std::move(read), patience);
}

constexpr auto kReplacing = std::chrono::milliseconds(50);  // there are two system calls between retiring a page and its successor

// Retired and still in its place: whoever was replacing it has died.
bool usable(const Result<page::Publisher>& page) { return page && page->sound() && !page->retired(); }

}  // namespace

core::Action assertion(const core::Stop& stop) {
  core::Action action;
  action.id = stop.id;
  action.by = stop.by;
  action.at = stop.at;
  action.reason = stop.reason;
  action.stop = stop;
  action.stop.id = core::repeated_by(stop.id);
  return action;
}

Result<core::State> store_local(const Site& site, ledger::Ledger& book, const core::Stop& stop, std::optional<std::uint32_t> uid) {
  core::Action action = assertion(stop);
  action.uid = uid;
  if (stop.host_only) action.host = site.host;
  return book.append(action);
}

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Site& site, Patience patience) {
  return ledger::open_sqlite(site.state.ledger(), patience);
}

Result<Opened> open_page(const Site& site, Patience patience) {
  auto page = page::Publisher::open(site.state);
  if (usable(page)) return Opened{*std::move(page), false};
  if (!page && page.error().kind == Kind::refused) return std::unexpected(page.error());
  if (auto made = page::make_directories(site.state); !made) return std::unexpected(made.error());
  const core::State state = rebuilt_state(site, patience);
  const bool replacing =
      page && page->retired();  // by somebody who looks once more at what is stored; until then it denies everything
  auto lock = page::PageLock::take(site.state, replacing ? std::min<Patience>(patience, kReplacing) : patience);
  if (!lock && replacing) return Opened{*std::move(page), false};
  if (!lock) return std::unexpected(lock.error());
  auto again = page::Publisher::open(site.state);  // somebody may have been faster
  if (usable(again)) return Opened{*std::move(again), false};
  auto fresh = page::Publisher::replace(site.state, *lock, state);
  if (!fresh) return std::unexpected(fresh.error());
  return Opened{*std::move(fresh), true};
}

Result<core::State> publish(const Site& site, page::Publisher& publisher, ledger::Ledger& book, core::State read,
                            Patience patience) {
  auto lock = page::PageLock::take(site.state, patience);
  if (!lock) return std::unexpected(lock.error());
  return publish(site, *lock, publisher, book, std::move(read));
}

Result<core::State> publish(const Site& site, const page::PageLock& lock, page::Publisher& publisher, ledger::Ledger& book,
                            core::State read) {
  auto shown = publisher.current();
  if (!shown) return shown;
  if (shown->epoch == read.epoch && shown->revision > read.revision) {  // are we late, or was the ledger set back?
    auto now = book.read();
    if (!now) return now;
    read = *std::move(now);
  }
  auto accounted = told_of(book, *shown, read);
  if (!accounted) return std::unexpected(accounted.error());
  core::State next = reconcile(*shown, read, *accounted);
  next.on_fence = site.on_fence;
  auto done = publisher.publish(lock, std::move(next));
  publisher.wake();
  return done;
}

Result<> write_durable(const Site& site, ledger::Ledger& book, const core::State& shown, Patience patience) {
  auto kept = page::read_durable(site.state);
  auto told = told_of(book, kept ? kept->state : core::State{}, shown);
  if (!told) return std::unexpected(told.error());
  auto ids = std::views::keys(*told);
  return page::write_durable(site.state, shown, patience, {ids.begin(), ids.end()});
}

// A hint is a level: what it says is on the page as a record, and its end lifts nothing.
Result<> heed_sentinel(const Site& site, page::Publisher& publisher, Patience patience) {
  auto says = [](const core::Stop& stop) { return stop.by == page::kSentinelActor; };
  auto shown = publisher.current();
  if (!shown || std::ranges::any_of(shown->stops, says)) return {};
  auto lock = page::PageLock::take(site.state, patience);
  if (!lock) return std::unexpected(lock.error());
  shown = publisher.current();
  if (!shown || std::ranges::any_of(shown->stops, says)) return {};
  shown = publisher.add_local(*lock, {.id = new_id(),
                                      .mode = core::Mode::stop_all,
                                      .reason = site.state.sentinel() + " was seen",
                                      .by = std::string(page::kSentinelActor),
                                      .at = wall_now(),
                                      .host_only = true});
  publisher.wake();
  if (!shown) return std::unexpected(shown.error());
  return page::write_durable(site.state, *shown, patience);
}

Result<View> sync(const Site& site, Patience patience) {
  auto page = open_page(site, patience);
  if (!page) return std::unexpected(page.error());
  if (page::sentinel_stands(site.state)) (void)heed_sentinel(site, page->publisher, patience);
  auto shown = page->publisher.current();
  if (!shown) return std::unexpected(shown.error());
  View view{.state = *shown, .rebuilt = page->rebuilt};
  auto book = open_ledger(site, patience);
  auto settled = book ? settle(site, page->publisher, **book, patience) : Result<core::State>(std::unexpected(book.error()));
  if (settled) view.state = *settled;
  view.warning = explain_fence(view.state.fence, site.state.path);
  if (!settled && view.warning.empty())
    view.warning =
        fmt::format("the ledger cannot be used: {}. Stops work on this host; nothing can be resumed", settled.error().what);
  if (settled) view.book = *std::move(book);
  return view;
}

}  // namespace notaus::host
