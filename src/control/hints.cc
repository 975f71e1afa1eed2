#include "control/hints.h"

#include "base/id.h"
#include "base/user.h"

namespace notaus::control {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(1000);

std::optional<Effect> effect_in(const std::map<std::string, Effect>& catalogue, const std::string& tool) {
  if (auto exact = catalogue.find(tool); exact != catalogue.end()) return exact->second;
  std::optional<Effect> longest;
  std::size_t length = 0;
  for (const auto& [name, effect] : catalogue) {
    if (name.size() <= length || !core::is_prefix(name) || !core::tool_matches(name, tool)) continue;
    length = name.size();
    longest = effect;
  }
  return longest;
}

Weighed weigh(const Hint& hint, const std::map<std::string, Effect>& catalogue) {
  Weighed out{.hint = hint, .catalogue = effect_in(catalogue, hint.tool), .becomes = {}};
  if (auto sound = core::check_tool(hint.tool); !sound) {
    out.why = sound.error().what;
  } else if (!hint.read_only) {
    if (out.catalogue == Effect::read) out.becomes = Effect::write;
  } else if (core::is_prefix(hint.tool)) {
    out.why = "its name would be a pattern for the names of others";
  } else if (out.catalogue == Effect::write) {
    out.why = "the catalogue says write, and write wins";
  } else if (!out.catalogue) {
    out.becomes = Effect::read;
  }
  return out;
}

}  // namespace

std::vector<Weighed> weigh(const std::vector<Hint>& hints, const std::map<std::string, Effect>& catalogue) {
  std::map<std::string, bool> read_only;
  for (const Hint& hint : hints) {
    auto [known, fresh] = read_only.try_emplace(hint.tool, hint.read_only);
    known->second = known->second && hint.read_only;
  }
  std::vector<Weighed> out;
  for (const auto& [tool, reads] : read_only) out.push_back(weigh(Hint{tool, reads}, catalogue));
  return out;
}

std::map<std::string, Effect> changes(const std::vector<Weighed>& weighed, Effect effect) {
  std::map<std::string, Effect> out;
  for (const Weighed& each : weighed)
    if (each.becomes == effect) out[each.hint.tool] = effect;
  return out;
}

Result<core::State> tighten(const host::Site& site, const std::map<std::string, Effect>& effects, const std::string& by,
                            const std::string& reason) {
  auto book = host::open_ledger(site, kPatience);
  if (!book) return std::unexpected(book.error());
  core::Action action;
  action.id = new_id();
  action.act = core::Act::tighten;
  action.by = by;
  action.uid = asking_user();
  action.at = wall_now();
  action.reason = reason;
  action.effects = effects;
  return book.value()->append(action);
}

}  // namespace notaus::control
