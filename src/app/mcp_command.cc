#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/commands.h"
#include "app/print.h"

namespace notaus::app {
namespace {

std::string gate_path() {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "notaus-gate").string();
}

// --server without a command: the configuration's, with its environment.
Result<std::vector<std::string>> configured(const Place& place, const std::string& server) {
  auto found = place.config.servers.find(server);
  if (found == place.config.servers.end() || found->second.command.empty())
    return trouble(Kind::gone, fmt::format("no command: write `notaus mcp -- COMMAND`, or give `servers: {}: command:` in {}",
                                           server.empty() ? "NAME" : server, place.site.state.config()));
  auto environment = config::process_environment();
  std::vector<std::string> command;
  for (const std::string& word : found->second.command) {
    auto expanded = config::expand(word, environment);
    if (!expanded) return std::unexpected(expanded.error());
    command.push_back(*expanded);
  }
  for (const auto& [name, value] : found->second.env) {
    auto expanded = config::expand(value, environment);
    if (!expanded) return std::unexpected(expanded.error());
    setenv(name.c_str(), expanded->c_str(), 1);
  }
  return command;
}

// The page must be there before the gate asks it; what cannot be mended here is denied there, so it stops nobody from starting.
void prepare(const Place& place) {
  const auto waiting = propose_tools(place);  // first, so that what tightens is on the page before the first call
  auto view = host::sync(place.site, std::chrono::milliseconds(1000));
  if (!view) return warn({view.error().what});
  if (!view->warning.empty()) warn({view->warning});
  for (const std::string& key : idle_keys(place.config))
    warn({fmt::format("{}: `{}` has no effect in this version", place.config_path, key)});
  if (!waiting.empty())
    warn({fmt::format("{} tool(s) are proposed as read and count as write until approved: notaus tools approve", waiting.size())});
}

int become_gate(const Place& place, const McpFlags& flags, const std::vector<std::string>& command) {
  std::vector<std::string> words = {"notaus-gate", "mcp", "--state", place.site.state.path, "--tenant", flags.tenant};
  for (auto [flag, value] : {std::pair("--agent", &flags.agent), {"--server", &flags.server}})
    if (!value->empty()) words.insert(words.end(), {flag, *value});
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string gate = gate_path();
  execv(gate.c_str(), argv.data());
  return fail(os_trouble(gate, errno).in("cannot start the gate"));
}

}  // namespace

int mcp_command(const Common& common, const McpFlags& flags, const std::vector<std::string>& given) {
  for (auto [what, name] : {std::pair("--tenant", &flags.tenant), {"--agent", &flags.agent}, {"--server", &flags.server}}) {
    if (name->empty()) continue;
    if (auto good = core::check_name(what, *name); !good) {
      warn({good.error().what});
      return control::kUsage;
    }
  }
  auto found = find_place(common);
  if (!found) return fail(found.error());
  if (!found->config_trouble.empty()) return fail({Kind::broken, found->config_trouble});
  auto command = given.empty() ? configured(*found, flags.server) : Result<std::vector<std::string>>(given);
  if (!command) {
    warn({command.error().what});
    return control::kUsage;
  }
  auto place = made_place(common);
  if (!place) return fail(place.error());
  prepare(*place);
  return become_gate(*place, flags, *command);
}

}  // namespace notaus::app
