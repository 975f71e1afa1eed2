#include "gate/mcp.h"

#include <algorithm>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "base/json.h"
#include "gate/rpc_id.h"
#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

struct Route {
  std::string_view method;
  Asks asks;
};

constexpr Route kRoutes[] = {
    {"tools/call", Asks::tool},
    {"tasks/update", Asks::task},
    {"resources/read", Asks::read},
    {"resources/subscribe", Asks::read},
    {"prompts/get", Asks::read},
    {"completion/complete", Asks::read},
    {"subscriptions/listen", Asks::news},
    {"initialize", Asks::nothing},
    {"server/discover", Asks::nothing},
    {"ping", Asks::nothing},
    {"logging/setLevel", Asks::nothing},
    {"tools/list", Asks::nothing},
    {"prompts/list", Asks::nothing},
    {"resources/list", Asks::nothing},
    {"resources/templates/list", Asks::nothing},
    {"resources/unsubscribe", Asks::nothing},
    {"tasks/get", Asks::nothing},
    {"tasks/result", Asks::nothing},
    {"tasks/list", Asks::nothing},
    {"tasks/cancel", Asks::nothing},
    {"notifications/initialized", Asks::nothing},
    {"notifications/cancelled", Asks::nothing},
    {"notifications/progress", Asks::nothing},
    {"notifications/roots/list_changed", Asks::nothing},
};

constexpr std::string_view kTopKeys[] = {"jsonrpc", "id", "method", "params", "result", "error"};
constexpr std::string_view kToolKeys[] = {"name", "arguments", "task", "_meta"};
constexpr std::string_view kTaskKeys[] = {"taskId", "_meta"};
constexpr std::string_view kCancelKeys[] = {"requestId", "_meta"};
constexpr std::string_view kPromptKeys[] = {"name", "_meta"};
constexpr std::string_view kResourceKeys[] = {"uri", "_meta"};
constexpr std::string_view kOtherKeys[] = {"_meta"};
constexpr std::string_view kVersion = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view kMetaKeys[] = {kVersion};

using Fault = std::optional<std::string>;  // what is wrong

// One line, read: the envelope, params and params._meta.
struct Envelope {
  Members meta = {};
  Members params = {.inner_key = "_meta", .inner = &meta};
  Members top = {.inner_key = "params", .inner = &params};
};

bool is_object(std::string_view json) { return json.starts_with('{'); }

Fault misspelled(std::string_view what, std::string_view name, std::string_view seen) {
  return std::string(what) + " " + json_string(name) + " is spelled " + json_string(seen);
}

// Parsers differ on which of two keys they take, and on case. So: no key twice, and what we read is spelled as the protocol does.
Fault ambiguous(const Members& members, std::span<const std::string_view> known) {
  std::vector<std::string_view> seen;
  std::list<std::string> folded;  // what few keys need
  seen.reserve(members.list.size());
  for (const Member& member : members.list) {
    const std::string_view key = is_folded(member.key) ? member.key : std::string_view(folded.emplace_back(fold(member.key)));
    for (std::string_view name : known)
      if (member.key != name && key.size() == name.size() && key == fold(name)) return misspelled("key", name, member.key);
    seen.push_back(key);
  }
  std::ranges::sort(seen);
  auto twice = std::ranges::adjacent_find(seen);
  if (twice != seen.end()) return "duplicate key " + json_string(*twice);
  return std::nullopt;
}

std::span<const std::string_view> params_keys(std::string_view method) {
  if (method == "tools/call") return kToolKeys;
  if (method == "notifications/cancelled") return kCancelKeys;
  if (method == "prompts/get") return kPromptKeys;
  if (method == "resources/read") return kResourceKeys;
  return method.starts_with("tasks/") ? std::span<const std::string_view>(kTaskKeys) : kOtherKeys;
}

Fault route(Message& message) {
  for (const Route& known : kRoutes) {
    if (known.method != message.method) continue;
    message.asks = known.asks;
    return std::nullopt;
  }
  message.asks = Asks::write;
  for (const Route& known : kRoutes)
    if (fold(known.method) == fold(message.method)) return misspelled("method", known.method, message.method);
  return std::nullopt;
}

Fault read_version(const Members& top) {
  if (unescape(top.find("jsonrpc")) == "2.0") return std::nullopt;
  return "jsonrpc is not \"2.0\"";
}

Fault read_shape(const Members& top, Message& message) {
  bool answers = !top.find("result").empty() || !top.find("error").empty();
  std::string_view method = top.find("method");
  if (answers && !method.empty()) return "both a method and a result";
  if (!top.find("result").empty() && !top.find("error").empty()) return "both a result and an error";
  if (!answers && method.empty()) return "neither a method nor a result";
  message.shape = answers ? Shape::response : message.id.empty() ? Shape::notification : Shape::request;
  if (answers) return message.id.empty() ? Fault("a response without an id") : std::nullopt;
  auto name = unescape(method);
  if (!name || name->empty()) return "method is not a string";
  message.method = std::move(*name);
  return std::nullopt;
}

Fault read_tool(const Members& params, Message& message) {
  auto name = unescape(params.find("name"));
  if (!name || name->empty()) return "tools/call without the name of a tool";
  // A server that cuts strings at NUL would run another tool than the one decided on.
  if (std::ranges::any_of(*name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return "a control character in the name of a tool";
  message.tool = std::move(*name);
  message.args = params.find("arguments");
  message.wants_task = is_object(params.find("task"));
  // Whoever runs it would run it with nobody seeing it end.
  if (message.shape == Shape::notification) return "tools/call without an id";
  return std::nullopt;
}

Fault read_params(const Envelope& line, Message& message) {
  std::string_view params = line.top.find("params");
  if (auto fault = ambiguous(line.params, params_keys(message.method))) return fault;
  if (auto fault = ambiguous(line.meta, kMetaKeys)) return fault;
  if (!params.empty() && !is_object(params)) return "params is not an object";
  if (!line.meta.find(kVersion).empty()) {
    message.era = Era::modern;
    message.version = unescape(line.meta.find(kVersion)).value_or("");
  }
  message.meta = line.params.find("_meta");
  message.subject = unescape(line.params.find(params_keys(message.method)[0])).value_or("");
  if (message.asks == Asks::tool) return read_tool(line.params, message);
  if (message.method.starts_with("tasks/")) message.task = message.subject;
  if (message.method == "notifications/cancelled") message.cancels = id_key(line.params.find("requestId")).value_or("");
  return std::nullopt;
}

Fault read_id(std::string_view id, Message& message) {
  if (id.empty()) return std::nullopt;
  auto key = id_key(id);
  if (!key) return "id is neither a string nor an integer";
  message.id = id;
  message.id_key = std::move(*key);
  return std::nullopt;
}

Fault read_message(const Envelope& line, Message& message) {
  if (auto fault = ambiguous(line.top, kTopKeys)) return fault;
  if (auto fault = read_id(line.top.find("id"), message)) return fault;
  if (auto fault = read_version(line.top)) return fault;
  if (auto fault = read_shape(line.top, message)) return fault;
  if (message.shape == Shape::response) return std::nullopt;
  if (auto fault = route(message)) return fault;
  return read_params(line, message);
}

}  // namespace

std::expected<Message, Rejection> classify(std::string_view line) {
  Envelope envelope;
  auto read = read_object(line, envelope.top);
  std::size_t begin = line.find_first_not_of(" \t\r\n");
  if (!read && begin != std::string_view::npos && line[begin] == '[') return std::unexpected(Rejection{kInvalidRequest, "a batch"});
  if (!read) return std::unexpected(Rejection{kParseError, read.error().what});
  Message message;
  if (auto fault = read_message(envelope, message))
    return std::unexpected(Rejection{kInvalidRequest, *fault, message.id.empty() ? "null" : message.id});
  return message;
}

Call call_of(const Message& message, std::string_view tool) {
  Call call;
  if (message.asks == Asks::tool || message.asks == Asks::task) call.tool = tool.empty() ? message.tool : tool;
  if (message.asks == Asks::write || (message.asks == Asks::task && call.tool.empty())) call.tool = message.method;
  if (message.asks == Asks::task || message.asks == Asks::write) call.effect = Effect::write;
  return call;
}

}  // namespace notaus::gate
