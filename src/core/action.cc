#include "core/action.h"

#include <algorithm>

#include <fmt/format.h>

namespace notaus::core {
namespace {

std::vector<Stop>::iterator find(State& state, const std::string& id) { return std::ranges::find(state.stops, id, &Stop::id); }

void place(State& state, const Action& action) {
  auto standing = find(state, action.stop.id);
  if (standing == state.stops.end()) standing = state.stops.insert(standing, action.stop);
  if (standing->reason.empty()) standing->reason = action.stop.reason;  // asserted again: the first reason is kept
  if (auto grace = action.stop.grace) standing->grace = std::min(standing->grace.value_or(*grace), *grace);
  standing->asserted = state.revision;
  standing->local = false;
}

Result<> lift(State& state, const Action& action) {
  auto standing = find(state, action.target);
  if (standing == state.stops.end()) return trouble(Kind::gone, fmt::format("no stop {} stands", action.target));
  if (standing->asserted > action.seen)
    return trouble(Kind::refused, fmt::format("stop {} was asserted again at revision {}, after revision {} that you saw; look at "
                                              "`notaus status` and resume again",
                                              action.target, standing->asserted, action.seen));
  state.stops.erase(standing);
  return {};
}

Result<> note(State& state, const Action& action) {
  auto standing = find(state, action.target);
  if (standing == state.stops.end()) return trouble(Kind::gone, fmt::format("no stop {} stands", action.target));
  if (!standing->reason.empty())
    return trouble(Kind::refused, fmt::format("stop {} has a reason already: {}", action.target, standing->reason));
  standing->reason = action.reason;
  return {};
}

Result<> set_effects(State& state, const Action& action) {
  for (const auto& [tool, effect] : action.effects) {
    bool looser = loosens(state, tool, effect);
    if (looser && action.act == Act::tighten) continue;
    if (looser && !state.stops.empty())
      return trouble(Kind::refused, fmt::format("{}={} would loosen the catalogue while {} stop(s) stand; resume first", tool,
                                                text(effect), state.stops.size()));
    state.catalogue[tool] = effect;
  }
  return {};
}

}  // namespace

std::string_view text(Act act) {
  switch (act) {
    case Act::stop: return "stop";
    case Act::resume: return "resume";
    case Act::note: return "note";
    case Act::approve: return "approve";
    case Act::tighten: return "tighten";
  }
  return "stop";
}

bool loosens(const State& state, const std::string& tool, Effect effect) {
  // A write that stands under a wider read, or repeats "unknown", can only tighten; a read loosens unless it stands there already.
  if (effect == Effect::write) return false;
  auto known = state.catalogue.find(tool);
  return known == state.catalogue.end() || known->second == Effect::write;
}

Result<State> apply(State state, const Action& action) {
  ++state.revision;
  if (!action.host.empty()) return state;
  Result<> done;
  switch (action.act) {
    case Act::stop: place(state, action); break;
    case Act::resume: done = lift(state, action); break;
    case Act::note: done = note(state, action); break;
    case Act::approve:
    case Act::tighten: done = set_effects(state, action); break;
  }
  if (!done) return std::unexpected(done.error());
  return state;
}

Result<State> fold(std::string epoch, const std::vector<Action>& actions) {
  State state;
  state.epoch = std::move(epoch);
  for (const Action& action : actions) {
    auto next = apply(std::move(state), action);
    if (!next) return next;
    state = *std::move(next);
  }
  return state;
}

}  // namespace notaus::core
