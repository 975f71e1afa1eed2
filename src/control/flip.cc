#include "control/flip.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/id.h"

namespace notaus::control {
namespace {

// The page cannot be flipped: everything on this host is stopped instead.
Flipped set_latch(const host::Site& site, page::Publisher& publisher, const StopRequest& request, const Trouble& why,
                  Report& report) {
  Eve eve = eve_of(site.state);
  const std::uint64_t latch_word = publisher.latch();
  report.warnings.push_back(
      fmt::format("{}: EVERYTHING on {} is stopped by its latch (latch@{}); `notaus resume latch@{}` lifts it", why.what, site.host,
                  site.host, site.host));
  if (request.grace)
    report.warnings.push_back(
        "calls in flight are not asked to end while the latch is set: it cannot tell which of them are meant");
  core::State shown = publisher.current().value_or(core::State{});
  Record record = record_for(request, shown);
  record.local.local = true;
  shown.stops.push_back(record.local);  // not on the page, which is latched instead, but stored: see publish_stored
  return {std::move(record), std::move(shown), 0, Latch::set, latch_word, std::move(eve)};
}

}  // namespace

// A repeat, too, puts a fresh local stop on the page until the ledger has it: a resume of the old one that is on its way at this
// moment must not lift what we are about to confirm.
Record record_for(const StopRequest& request, const core::State& shown) {
  Record out;
  out.local = {.id = new_id(),
               .selector = request.selector,
               .mode = request.mode,
               .reason = request.reason,
               .by = request.by,
               .at = wall_now(),
               .grace = request.grace,
               .host_only = request.reach == Reach::this_host};
  if (out.local.host_only) return out;
  auto same = std::ranges::find_if(shown.stops, [&](const core::Stop& stop) {
    return !stop.host_only && stop.selector == request.selector && stop.mode == request.mode && stop.by == request.by;
  });
  if (same == shown.stops.end()) return out;
  out.repeats = *same;
  out.repeats->id = core::repeated_by(same->id);
  out.local.id = out.repeats->id + core::kRepeatMark + new_id();
  return out;
}

Flipped flip(const host::Site& site, page::Publisher& publisher, const StopRequest& request, Report& report) {
  auto lock = page::PageLock::take(site.state, kLockPatience);
  if (!lock) return set_latch(site, publisher, request, lock.error(), report);
  auto before = publisher.current();
  if (!before) return set_latch(site, publisher, request, before.error(), report);
  Record record = record_for(request, *before);
  Eve eve = eve_of(site.state);
  auto shown = publisher.add_local(*lock, record.local);
  if (!shown) return set_latch(site, publisher, request, shown.error(), report);
  auto placed = std::ranges::find(shown->stops, record.local.id, &core::Stop::id);
  if (placed != shown->stops.end() && (placed->selector != record.local.selector || placed->mode != record.local.mode))
    report.warnings.push_back(fmt::format(
        "the page has no room for this stop: EVERYTHING on {} is stopped instead; resume stops that are over", site.host));
  return {std::move(record), *std::move(shown), publisher.word(), Latch::open, 0, std::move(eve)};
}

void look_around(const host::Site& site, Flipped& flipped) {
  flipped.points = page::scan(site.state, flipped.word);
  std::ranges::move(departed(site.state, flipped.eve, flipped.points), std::back_inserter(flipped.points));
}

bool held(page::Publisher& publisher, const Flipped& flipped) {
  return flipped.latch == Latch::open ? !publisher.retired() : publisher.keep(flipped.latch_word);
}

}  // namespace notaus::control
