#include <algorithm>

#include <fmt/format.h>

#include "host/host.h"
#include "host/reconcile.h"
#include "page/digest.h"
#include "page/durable.h"

namespace notaus::host {
namespace {

std::set<std::string> stop_ids(const core::State& state) {
  std::set<std::string> out;
  for (const core::Stop& stop : state.stops) out.insert(stop.id);
  return out;
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
  if (!durable && durable.error().kind != Kind::gone) known.epoch = std::string(32, '0');  // it knew something, now unreadable
  auto book = open_ledger(site, patience);
  auto read = read_ledger(book);
  auto accounted = read ? (*book)->accounted(stop_ids(known)) : std::unexpected(read.error());
  if (!accounted) {
    if (known.epoch.empty()) known.epoch = std::string(32, '0');
    known.fence = Why::page_missing;
    return known;
  }
  if (!durable && durable.error().kind != Kind::gone) known.epoch = read->epoch;  // the ledger is sound: it alone is enough
  return reconcile(known, *read, *accounted);
}

void store_local_stops(ledger::Ledger& book, const core::State& shown) {
  auto accounted = book.accounted(stop_ids(shown));
  for (const core::Stop& stop : shown.stops) {
    if (!stop.local || !accounted || accounted->contains(stop.id)) continue;
    // Whoever repeats a stop settles this by itself; only if it has died is it left to us.
    if (stop.id.contains(core::kRepeatMark) && wall_now().ms - stop.at.ms < 10'000) continue;
    (void)store_local(book, stop);  // if it fails it stays local, and the next command tries again
  }
}

Result<core::State> settle(const Site& site, page::Publisher& publisher, ledger::Ledger& book, Patience patience) {
  auto shown = publisher.current();
  if (!shown) return shown;
  auto read = book.read();
  if (read && read->epoch == shown->epoch) {
    store_local_stops(book, *shown);
    read = book.read();
  }
  if (!read) return read;
  auto accounted = book.accounted(stop_ids(*shown));
  if (!accounted) return std::unexpected(accounted.error());
  if (core::State next = reconcile(*shown, *read, *accounted); next == *shown) return shown;
  return publish(site, publisher, book, *std::move(read), {}, patience);
}

}  // namespace

Result<core::State> store_local(ledger::Ledger& book, const core::Stop& stop) {
  core::Action action;
  action.id = stop.id;
  action.by = stop.by;
  action.at = stop.at;
  action.reason = stop.reason;
  action.stop = stop;
  return book.append(action);
}

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Site& site, Patience patience) {
  return ledger::open_sqlite(site.state.ledger(), patience);
}

Result<Opened> open_page(const Site& site, Patience patience) {
  auto page = page::Publisher::open(site.state);
  if (page && page->current()) return Opened{*std::move(page), false};
  if (!page && page.error().kind == Kind::refused) return std::unexpected(page.error());
  if (auto made = page::make_directories(site.state); !made) return std::unexpected(made.error());
  if (auto made = page::DigestKey::make(site.state); !made) return std::unexpected(made.error());
  const core::State state = rebuilt_state(site, patience);
  auto lock = page::PageLock::take(site.state, patience);
  if (!lock) return std::unexpected(lock.error());
  auto again = page::Publisher::open(site.state);  // somebody may have been faster
  if (again && again->current()) return Opened{*std::move(again), false};
  auto fresh = page::Publisher::replace(site.state, *lock, state);
  if (!fresh) return std::unexpected(fresh.error());
  return Opened{*std::move(fresh), true};
}

Result<core::State> publish(const Site& site, page::Publisher& publisher, ledger::Ledger& book, core::State read,
                            const std::set<std::string>& settled, Patience patience) {
  auto lock = page::PageLock::take(site.state, patience);
  if (!lock) return std::unexpected(lock.error());
  return publish(site, *lock, publisher, book, std::move(read), settled);
}

Result<core::State> publish(const Site& site, const page::PageLock& lock, page::Publisher& publisher, ledger::Ledger& book,
                            core::State read, const std::set<std::string>& settled) {
  auto shown = publisher.current();
  if (!shown) return shown;
  auto accounted = book.accounted(stop_ids(*shown));
  if (!accounted) return std::unexpected(accounted.error());
  accounted->insert(settled.begin(), settled.end());
  if (shown->epoch == read.epoch && shown->revision > read.revision) {  // are we late, or was the ledger set back?
    auto now = book.read();
    if (!now) return now;
    read = *std::move(now);
  }
  core::State next = reconcile(*shown, read, *accounted);
  next.on_fence = site.on_fence;
  auto done = publisher.publish(lock, std::move(next));
  publisher.wake();
  return done;
}

Result<View> sync(const Site& site, Patience patience) {
  auto page = open_page(site, patience);
  if (!page) return std::unexpected(page.error());
  auto shown = page->publisher.current();
  if (!shown) return std::unexpected(shown.error());
  View view{.state = *shown, .rebuilt = page->rebuilt};
  auto book = open_ledger(site, patience);
  auto settled = book ? settle(site, page->publisher, **book, patience) : Result<core::State>(std::unexpected(book.error()));
  view.ledger_read = settled.has_value();
  if (settled) view.state = *settled;
  view.warning = explain_fence(view.state.fence, site.state.path);
  if (!settled && view.warning.empty())
    view.warning =
        fmt::format("the ledger cannot be used: {}. Stops work on this host; nothing can be resumed", settled.error().what);
  return view;
}

}  // namespace notaus::host
