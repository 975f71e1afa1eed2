#include "app/server_tools.h"

#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/gate_policy.h"
#include "base/json.h"
#include "gate/inquiry.h"

namespace notaus::app {
namespace {

using gate::Inquiry;
using nlohmann::json;

constexpr std::size_t kMaxTools = 10'000;
constexpr std::size_t kMaxPages = 1'000;
constexpr std::size_t kMaxBytes = 64u << 20;

json about_us() { return {{"name", "notaus"}, {"version", NOTAUS_VERSION}}; }

// What every request of the newer era carries.
json modern() {
  return {{"_meta",
           {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
            {"io.modelcontextprotocol/clientInfo", about_us()},
            {"io.modelcontextprotocol/clientCapabilities", json::object()}}}};
}

struct Answer {
  json result;
  std::string error;  // not empty: the server refused
  std::size_t size = 0;
};

Result<Answer> ask(Inquiry& inquiry, const char* method, const json& params) {
  auto line = inquiry.ask(method, params.dump());
  if (!line) return std::unexpected(line.error());
  json answer = json::parse(*line, nullptr, false);
  if (!answer.is_object()) return trouble(Kind::broken, fmt::format("its answer to {} is no JSON", method));
  if (auto result = answer.find("result"); result != answer.end() && result->is_object())
    return Answer{.result = std::move(*result), .error = {}, .size = line->size()};
  auto error = answer.value("error", json::object());
  std::string what = error.is_object() && error.contains("message") ? error["message"].dump() : "without a message";
  return Answer{.result = {}, .error = shown(fmt::format("it refused {}: {}", method, what.substr(0, 200))), .size = line->size()};
}

// The first request settles which era of the protocol is spoken; returns the params that every later request carries.
Result<json> greet(Inquiry& inquiry) {
  auto old =
      ask(inquiry, "initialize", {{"protocolVersion", "2025-11-25"}, {"capabilities", json::object()}, {"clientInfo", about_us()}});
  if (!old) return std::unexpected(old.error());
  if (old->error.empty()) {
    inquiry.tell("notifications/initialized");
    return json::object();
  }
  auto discovered = ask(inquiry, "server/discover", modern());
  if (!discovered) return std::unexpected(discovered.error());
  if (!discovered->error.empty()) return trouble(Kind::broken, old->error + ", and " + discovered->error);
  return modern();
}

Result<> read_page(const json& page, std::vector<control::Hint>& hints) {
  auto tools = page.find("tools");
  if (tools == page.end() || !tools->is_array()) return trouble(Kind::broken, "its answer to tools/list has no list of tools");
  for (const json& tool : *tools) {
    if (!tool.is_object() || !tool.contains("name") || !tool["name"].is_string())
      return trouble(Kind::broken, "it lists a tool without a name");
    auto annotations = tool.value("annotations", json());
    auto hint = annotations.is_object() ? annotations.value("readOnlyHint", json()) : json();
    hints.push_back({.tool = tool["name"].get<std::string>(), .read_only = hint.is_boolean() && hint.get<bool>()});
  }
  if (hints.size() > kMaxTools) return trouble(Kind::broken, fmt::format("it lists more than {} tools", kMaxTools));
  return {};
}

Result<std::vector<control::Hint>> list(Inquiry& inquiry) {
  auto params = greet(inquiry);
  if (!params) return std::unexpected(params.error());
  std::vector<control::Hint> hints;
  std::set<std::string> cursors;
  std::size_t bytes = 0;
  while (true) {
    auto page = ask(inquiry, "tools/list", *params);
    if (!page) return std::unexpected(page.error());
    if (!page->error.empty()) return trouble(Kind::broken, page->error);
    if (auto read = read_page(page->result, hints); !read) return std::unexpected(read.error());
    auto cursor = page->result.value("nextCursor", json());
    if (!cursor.is_string()) return hints;
    bytes += page->size;
    if (!cursors.insert(cursor.get<std::string>()).second || cursors.size() > kMaxPages || bytes > kMaxBytes)
      return trouble(Kind::broken, "its list of tools does not end");
    (*params)["cursor"] = std::move(cursor);
  }
}

}  // namespace

Result<std::vector<std::string>> configured_command(const Place& place, const std::string& server) {
  auto found = place.config.servers.find(server);
  if (found == place.config.servers.end() || found->second.command.empty())
    return trouble(Kind::gone, fmt::format("no command: write it behind --, or give `servers: {}: command:` in {}",
                                           server.empty() ? "NAME" : server, place.site.state.config()));
  auto command = command_of(found->second, config::process_environment());
  if (!command) return std::unexpected(command.error());
  for (const auto& [name, value] : command->env) setenv(name.c_str(), value.c_str(), 1);
  return std::move(command->argv);
}

Result<std::vector<control::Hint>> ask_for_tools(const std::vector<std::string>& command, std::chrono::milliseconds patience) {
  const BootTime deadline{boot_now().ns + std::chrono::nanoseconds(patience).count()};
  auto inquiry = Inquiry::start(command, {.deadline = deadline});
  if (!inquiry) return std::unexpected(inquiry.error());
  auto hints = list(*inquiry);
  if (!hints && hints.error().kind == Kind::broken) return std::unexpected(hints.error().in(command[0]));
  return hints;
}

}  // namespace notaus::app
