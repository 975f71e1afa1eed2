#include "core/state.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/utf8.h"

namespace notaus::core {

std::string_view text(Mode mode) {
  switch (mode) {
    case Mode::disable_writes: return "disable_writes";
    case Mode::stop_all: return "stop_all";
    case Mode::disable_tool: return "disable_tool";
  }
  return "stop_all";
}

std::optional<Mode> mode_of(std::string_view name) {
  for (Mode mode : {Mode::disable_writes, Mode::stop_all, Mode::disable_tool})
    if (text(mode) == name) return mode;
  return std::nullopt;
}

std::string_view text(Effect effect) { return effect == Effect::read ? "read" : "write"; }

std::optional<Effect> effect_of(std::string_view name) {
  for (Effect effect : {Effect::read, Effect::write})
    if (text(effect) == name) return effect;
  return std::nullopt;
}

std::string_view text(Outcome outcome) {
  switch (outcome) {
    case Outcome::running: return "running";
    case Outcome::done: return "done";
    case Outcome::not_sent: return "not_sent";
    case Outcome::unknown: return "unknown";
  }
  return "unknown";
}

std::string text(const Selector& selector) {
  if (selector.global()) return "global";
  std::string out;
  auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out += fmt::format("{}{}={}", out.empty() ? "" : " ", key, value);
  };
  add("tenant", selector.tenant);
  add("agent", selector.agent);
  add("tool", selector.tool);
  return out;
}

bool is_prefix(std::string_view tool) { return tool.size() > 2 && tool.ends_with(".*"); }

bool tool_matches(std::string_view pattern, std::string_view tool) {
  return pattern == tool || (is_prefix(pattern) && tool.starts_with(pattern.substr(0, pattern.size() - 1)));
}

bool matches(const Selector& selector, const Call& call) {
  auto field = [](std::string_view wanted, std::string_view given) { return wanted.empty() || given.empty() || wanted == given; };
  return field(selector.tenant, call.tenant) && field(selector.agent, call.agent) &&
         (selector.tool.empty() || (!call.tool.empty() && tool_matches(selector.tool, call.tool)));
}

Result<> check_name(std::string_view what, std::string_view name) {
  if (name.empty()) return trouble(Kind::refused, fmt::format("{} is empty; leave it out to mean every {}", what, what));
  if (name.size() > 256) return trouble(Kind::refused, fmt::format("{} is {} bytes long; the most is 256", what, name.size()));
  for (std::string_view rest = name; !rest.empty();) {
    std::size_t length = utf8_length(rest);
    auto lead = static_cast<unsigned char>(rest.front());
    if (length == 0) return trouble(Kind::refused, fmt::format("{} is not valid UTF-8", what));
    if (lead < 0x20 || lead == 0x7f) return trouble(Kind::refused, fmt::format("{} holds a control character", what));
    rest.remove_prefix(length);
  }
  return {};
}

Result<> check_tool(std::string_view name) {
  if (auto sound = check_name("a tool", name); !sound) return sound;
  const std::string_view plain = is_prefix(name) ? name.substr(0, name.size() - 2) : name;
  if (!plain.contains('*')) return {};
  return trouble(Kind::refused,
                 fmt::format("{}: a `*` stands for nothing but the rest of \"prefix.*\"; name each tool or prefix", name));
}

}  // namespace notaus::core
