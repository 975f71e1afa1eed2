#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/print.h"
#include "app/server_tools.h"
#include "control/resume.h"

namespace notaus::app {
namespace {

constexpr auto kPatience = std::chrono::seconds(1);

std::string_view effect_or(const std::optional<Effect>& effect, std::string_view none) {
  return effect ? core::text(*effect) : none;
}

// What the server of these flags says, beside the catalogue.
Result<std::vector<control::Weighed>> weigh_server(const Place& place, const ToolsFlags& flags, const core::State& state) {
  auto command = flags.command.empty() ? configured_command(place, flags.server) : flags.command;
  if (!command) return std::unexpected(command.error());
  auto hints = ask_for_tools(*command, flags.timeout);
  if (!hints) return std::unexpected(hints.error());
  if (hints->empty()) return trouble(Kind::gone, (*command)[0] + " has no tools");
  return control::weigh(*hints, state.catalogue);
}

std::string change_of(const control::Weighed& row) {
  if (row.becomes) return fmt::format("becomes {}", core::text(*row.becomes));
  return row.why.empty() ? "" : "stays as it is: " + row.why;
}

void print_table(const std::vector<control::Weighed>& rows) {
  std::size_t width = 4;
  for (const control::Weighed& row : rows) width = std::max(width, std::min<std::size_t>(shown(row.hint.tool).size(), 40));
  say("{:{}}  {:11}  {:9}\n", "TOOL", width, "SERVER SAYS", "CATALOGUE");
  for (const control::Weighed& row : rows) {
    std::string line = fmt::format("{:{}}  {:11}  {:9}  {}", shown(row.hint.tool), width, row.hint.read_only ? "read-only" : "-",
                                   effect_or(row.catalogue, "-"), shown(change_of(row)));
    say("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

Json to_json(const std::vector<control::Weighed>& rows) {
  Json out = Json::array();
  auto or_null = [](const std::optional<Effect>& effect) { return effect ? Json(core::text(*effect)) : Json(nullptr); };
  for (const control::Weighed& row : rows)
    out.push_back({{"tool", row.hint.tool},
                   {"read_only", row.hint.read_only},
                   {"catalogue", or_null(row.catalogue)},
                   {"becomes", or_null(row.becomes)}});
  return out;
}

// What becomes stricter comes first: nothing that refuses the rest can keep it back.
Result<std::uint64_t> set_effects(const Place& place, const std::map<std::string, Effect>& effects) {
  std::map<std::string, Effect> reads, writes;
  for (const auto& [tool, effect] : effects) (effect == Effect::read ? reads : writes)[tool] = effect;
  std::uint64_t revision = 0;
  if (!writes.empty()) {
    auto stored = control::tighten(place.site, writes, actor(), "tools approve");
    if (!stored) return std::unexpected(stored.error());
    auto view = host::sync(place.site, kPatience);
    if (!view) return std::unexpected(view.error());
    revision = view->state.revision;
  }
  if (!reads.empty()) {
    auto state = control::approve(place.site, reads, actor());
    if (!state && !writes.empty())
      return trouble(state.error().kind,
                     fmt::format("{} tool(s) are writes now; the reads were refused: {}", writes.size(), state.error().what));
    if (!state) return std::unexpected(state.error());
    revision = state->revision;
  }
  return revision;
}

int approve_server(const Place& place, const ToolsFlags& flags) {
  (void)propose_tools(place);  // what the configuration calls a write is one before the server is heard
  auto view = host::sync(place.site, kPatience);
  if (!view) return fail(view.error());
  auto rows = weigh_server(place, flags, view->state);
  if (!rows) return fail(rows.error());
  print_table(*rows);
  const auto reads = control::changes(*rows, Effect::read), writes = control::changes(*rows, Effect::write);
  std::map<std::string, Effect> all = reads;
  all.insert(writes.begin(), writes.end());
  const std::string what = fmt::format("{} tool(s): {} become read, {} become write", rows->size(), reads.size(), writes.size());
  if (all.empty()) {
    say("{} tool(s): nothing changes\n", rows->size());
    return control::kDone;
  }
  if (flags.dry_run) {
    say("{}; nothing was changed\n", what);
    return control::kDone;
  }
  auto revision = set_effects(place, all);
  if (!revision) return fail({Kind::broken, revision.error().what});
  say("approved {} revision={}\n", what, *revision);
  return control::kDone;
}

Result<std::map<std::string, Effect>> typed(const std::vector<std::string>& changes) {
  std::map<std::string, Effect> effects;
  for (const std::string& change : changes) {
    std::size_t sign = change.rfind('=');
    auto effect = sign == std::string::npos ? std::nullopt : core::effect_of(change.substr(sign + 1));
    if (!effect || sign == 0) return trouble(Kind::refused, fmt::format("{}: expected TOOL=read or TOOL=write", change));
    if (auto sound = core::check_tool(change.substr(0, sign)); !sound) return std::unexpected(sound.error());
    effects[change.substr(0, sign)] = *effect;
  }
  return effects;
}

}  // namespace

int tools_list_command(const Common& common, const ToolsFlags& flags, Output output) {
  auto place = existing_place(common);
  Json answer = {{"schema", 1}, {"tools", Json::object()}, {"waiting", Json::array()}};
  if (flags.asks_server()) answer["server"] = Json::array();
  if (!place) return fail(place.error(), output, answer);
  const std::vector<std::string> waiting = propose_tools(*place);
  auto view = host::sync(place->site, kPatience);
  if (!view) return fail(view.error(), output, answer);
  answer["waiting"] = waiting;
  for (const auto& [tool, effect] : view->state.catalogue) answer["tools"][tool] = core::text(effect);
  std::vector<control::Weighed> rows;
  if (flags.asks_server()) {
    auto weighed = weigh_server(*place, flags, view->state);
    if (!weighed) return fail(weighed.error(), output, answer);
    rows = *std::move(weighed);
    answer["server"] = to_json(rows);
  }
  if (output == Output::json) {
    say("{}\n", dump(answer));
    return control::kDone;
  }
  if (flags.asks_server()) {
    print_table(rows);
    say("{} tool(s); nothing was changed: `notaus tools approve` with the same arguments does it\n", rows.size());
    return control::kDone;
  }
  for (const auto& [tool, effect] : view->state.catalogue) say("{:5}  {}\n", core::text(effect), shown(tool));
  for (const std::string& tool : waiting) say("read, not approved yet  {}\n", shown(tool));
  say("{} tool(s); every other tool counts as write\n", view->state.catalogue.size());
  return control::kDone;
}

int tools_approve_command(const Common& common, const ToolsFlags& flags) {
  auto effects = typed(flags.changes);
  if (!effects) return usage(effects.error().what);
  if (flags.asks_server() && !effects->empty()) return usage("either a server's tools, or TOOL=EFFECT; not both at once");
  if (flags.dry_run && !flags.asks_server()) return usage("--dry-run is for a server's tools: --server NAME, or -- COMMAND");
  auto place = existing_place(common);
  if (!place) return fail(place.error());
  if (flags.asks_server()) return approve_server(*place, flags);
  if (effects->empty()) *effects = config::proposed_effects(place->config);
  if (effects->empty())
    return fail({Kind::gone, "nothing to approve: name TOOL=read, or list tools: in " + place->site.state.config()});
  auto revision = set_effects(*place, *effects);
  if (!revision) return fail({Kind::broken, revision.error().what});
  for (const auto& [tool, effect] : *effects) say("{:5}  {}\n", core::text(effect), shown(tool));
  say("approved {} tool(s) revision={}\n", effects->size(), *revision);
  return control::kDone;
}

}  // namespace notaus::app
