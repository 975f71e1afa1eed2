#include "host/reconcile.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace notaus::host {
namespace {

// Does what was read lack the stop because it was lifted? What the ledger was told only after it was read, that cannot say.
bool was_lifted(const core::Stop& stop, const core::State& read, const ledger::Revisions& accounted) {
  auto told = accounted.find(stop.id);
  return told != accounted.end() && told->second <= read.revision && !stop.host_only;
}

void add_missing(core::State& into, const core::State& from, const ledger::Revisions& accounted) {
  std::set<std::string> standing;
  for (const core::Stop& stop : into.stops) standing.insert(stop.id);
  for (core::Stop stop : from.stops) {
    if (standing.contains(stop.id) || was_lifted(stop, into, accounted)) continue;
    stop.local = true;
    into.stops.push_back(std::move(stop));
  }
}

// A deadline that this host counts down already goes on counting: from the stop itself, or from the local one that repeated it.
void keep_deadlines(core::State& next, const core::State& known) {
  std::map<std::string, BootTime> counting;
  for (const core::Stop& stop : known.stops) {
    if (stop.cancel_at.ns == 0) continue;
    auto [first, fresh] = counting.try_emplace(core::repeated_by(stop.id), stop.cancel_at);
    first->second = std::min(first->second, stop.cancel_at);
  }
  for (core::Stop& stop : next.stops)
    if (auto found = counting.find(stop.id); stop.grace && found != counting.end()) stop.cancel_at = found->second;
}

}  // namespace

core::State reconcile(const core::State& known, const core::State& read, const ledger::Revisions& accounted) {
  const bool same_life = known.epoch.empty() || known.epoch == read.epoch;
  if (same_life && known.revision <= read.revision) {
    core::State next = read;
    next.on_fence = known.on_fence;
    add_missing(next, known, accounted);
    keep_deadlines(next, known);
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
