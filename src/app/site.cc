#include "app/site.h"

#include <pwd.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/print.h"
#include "base/user.h"
#include "control/hints.h"
#include "control/hunt.h"

namespace notaus::app {
namespace {

std::string machine_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

std::string config_path(const Common& common, const page::StateDir& state) {
  if (!common.config.empty()) return common.config;
  if (const char* given = std::getenv("NOTAUS_CONFIG"); given != nullptr && given[0] != '\0') return given;
  for (const std::string& path : {state.config(), std::string("/etc/notaus/notaus.yaml")})
    if (access(path.c_str(), F_OK) == 0) return path;
  return {};
}

}  // namespace

Result<Place> find_place(const Common& common) {
  auto state = page::find_state(common.state);
  if (!state) return std::unexpected(state.error());
  Place place;
  place.site.state = *state;
  place.config_path = config_path(common, *state);
  if (!place.config_path.empty()) {
    auto config = config::load(place.config_path);
    if (config)
      place.config = *std::move(config);
    else
      place.config_trouble = config.error().what;
  }
  place.site.host = place.config.host.empty() ? machine_name() : place.config.host;
  place.site.on_fence = place.config.on_fence;
  place.site.fleet = place.config.fleet;
  return place;
}

Result<Place> existing_place(const Common& common) {
  auto place = find_place(common);
  if (!place || page::exists(place->site.state)) return place;
  std::vector<std::string> looked = common.state.empty() ? page::default_places() : std::vector{place->site.state.path};
  const auto elsewhere = control::other_states(control::hunt(place->site.state));
  const std::string remedy = elsewhere.empty() ? "Name it with --state or $NOTAUS_STATE, or make one: notaus init"
                                               : fmt::format("Processes of this machine are guarded by another: add --state {}",
                                                             fmt::join(elsewhere, ", or --state "));
  return trouble(Kind::gone, fmt::format("no Notaus state here. Looked at: {}. {}", fmt::join(looked, ", "), remedy));
}

Result<Place> made_place(const Common& common) {
  auto place = find_place(common);
  if (place && !place->config_trouble.empty()) return trouble(Kind::broken, place->config_trouble);
  if (!place || page::exists(place->site.state)) return place;
  auto created = host::create(place->site);
  if (!created) return std::unexpected(created.error());
  if (created->fresh)
    say_to(stderr, "notaus: made a new state at {}; stop with: notaus stop --state {} --global\n", place->site.state.path,
           place->site.state.path);
  return place;
}

host::Retention retention_of(const config::Keep& keep) { return {keep.text, keep.age, keep.bytes}; }

control::Names names_in(const config::Config& config) {
  control::Names out;
  for (const auto& [tool, effect] : config::proposed_effects(config)) out.tools.insert(tool);
  for (const config::Agent& agent : config.agents) {
    if (!agent.tenant.empty()) out.tenants.insert(agent.tenant);
    if (!agent.agent.empty()) out.agents.insert(agent.agent);
  }
  return out;
}

std::vector<std::string> idle_keys(const config::Config& config) {
  std::vector<std::string> out;
  for (const auto& [name, tool] : config.tools) {
    if (tool.audit == config::Tool::Audit::before) out.push_back(fmt::format("tools: {}: audit: before", name));
    if (!tool.clear.empty()) out.push_back(fmt::format("tools: {}: clear", name));
  }
  return out;
}

std::string actor() {
  auto login = read_file("/proc/self/loginuid", 32);
  uid_t uid = asking_user();
  if (login && !acting_for()) {
    auto number = std::strtoul(login->c_str(), nullptr, 10);
    if (number != 4294967295ul) uid = static_cast<uid_t>(number);
  }
  const passwd* user = getpwuid(uid);
  return user != nullptr ? user->pw_name : fmt::format("uid {}", uid);
}

std::vector<std::string> propose_tools(const Place& place) {
  std::vector<std::string> waiting;
  auto book = host::open_ledger(place.site, std::chrono::seconds(1));
  auto state = book ? book.value()->read() : Result<core::State>(std::unexpected(book.error()));
  if (!state) return waiting;
  std::map<std::string, Effect> stricter;
  for (const auto& [tool, effect] : config::proposed_effects(place.config)) {
    auto known = state->catalogue.find(tool);
    if (known != state->catalogue.end() && known->second == effect) continue;
    if (core::loosens(*state, tool, effect))
      waiting.push_back(tool);
    else
      stricter[tool] = effect;
  }
  if (!stricter.empty()) (void)control::tighten(place.site, stricter, actor(), "tools: in " + place.config_path);
  return waiting;
}

}  // namespace notaus::app
