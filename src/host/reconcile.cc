#include "host/reconcile.h"

#include <algorithm>

#include <fmt/format.h>

namespace notaus::host {
namespace {

void add_missing(core::State& into, const core::State& from, const std::set<std::string>& except) {
  for (core::Stop stop : from.stops) {
    if (except.contains(stop.id) || std::ranges::find(into.stops, stop.id, &core::Stop::id) != into.stops.end()) continue;
    stop.local = true;
    into.stops.push_back(std::move(stop));
  }
}

}  // namespace

core::State reconcile(const core::State& known, const core::State& read, const std::set<std::string>& accounted) {
  const bool same_life = known.epoch.empty() || known.epoch == read.epoch;
  if (same_life && known.revision <= read.revision) {
    core::State next = read;
    next.on_fence = known.on_fence;
    add_missing(next, known, accounted);
    return next;
  }
  core::State fenced = known;
  fenced.fence = same_life ? Why::revision_went_back : Why::epoch_changed;
  add_missing(fenced, read, {});
  return fenced;
}

std::string explain_fence(Why fence, const std::string& state_dir) {
  std::string remedy = fmt::format(
      "Put the right ledger back, or make a new one that keeps every stop this host knows: "
      "`notaus init --recover --state {}`",
      state_dir);
  switch (fence) {
    case Why::allowed: return {};
    case Why::epoch_changed: return "every call is denied: the ledger is not the one this host knew. " + remedy;
    case Why::revision_went_back:
      return "every call is denied: the ledger is older than what this host has seen; was it restored from a backup? " + remedy;
    default: return "every call is denied: there was no live page, and no ledger to make one from. " + remedy;
  }
}

}  // namespace notaus::host
