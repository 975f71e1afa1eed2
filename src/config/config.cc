#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>

#include <fmt/format.h>

#include "base/fd.h"
#include "config/gateway.h"
#include "config/keep.h"
#include "config/keys.h"

namespace notaus::config {
namespace {

constexpr Word<core::Mode> kModes[] = {{"disable_writes", core::Mode::disable_writes}, {"stop_all", core::Mode::stop_all}};
constexpr Word<core::OnFence> kOnFence[] = {{"disable_writes", core::OnFence::disable_writes},
                                            {"stop_all", core::OnFence::stop_all}};
constexpr Word<Tool::Audit> kAudits[] = {{"before", Tool::Audit::before}, {"after", Tool::Audit::after}};

Result<> read_ttl(const Yaml& yaml, std::chrono::milliseconds& into) {
  double seconds = 0;
  const char* end = yaml.text.data() + yaml.text.size();
  bool number = yaml.type == Type::text && !yaml.quoted && std::from_chars(yaml.text.data(), end, seconds).ptr == end;
  if (!number) return at(yaml, "a number of seconds is wanted here, such as 2 or 0.5");
  if (!(seconds > 0 && seconds <= 30))
    return at(
        yaml,
        fmt::format("cache_ttl_s: {} is out of range: more than 0 and at most 30 seconds, because a stop may take this long to be "
                    "certain",
                    yaml.text));
  into = std::max(std::chrono::milliseconds(1), std::chrono::milliseconds(std::llround(seconds * 1000)));
  return {};
}

constexpr Key<KillSwitch> kKillSwitch[] = {
    {"global_flag", [](const Yaml& y, KillSwitch& k) { return read_name(y, "a flag's name", k.global_flag); }},
    {"per_tenant_flag_prefix",
     [](const Yaml& y, KillSwitch& k) { return read_name(y, "a flag's name", k.per_tenant_flag_prefix); }},
    {"mode_when_enabled", [](const Yaml& y, KillSwitch& k) { return read_word(y, k.mode_when_enabled, kModes); }},
    {"disabled_tools_key", [](const Yaml& y, KillSwitch& k) { return read_name(y, "a flag's name", k.disabled_tools_key); }},
    {"cache_ttl_s", [](const Yaml& y, KillSwitch& k) { return read_ttl(y, k.cache_ttl); }},
};

Result<> read_ledger(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  if (into == "sqlite") return {};
  for (std::string_view scheme : {"postgres://", "postgresql://", "etcd://", "etcds://", "redis://", "rediss://"})
    if (into.starts_with(scheme))
      return at(yaml, fmt::format("a {} ledger is not in this build yet; use sqlite", scheme), Kind::unsupported);
  return at(yaml,
            fmt::format("`{}` is no ledger; there is sqlite", into.substr(0, into.find("://"))));  // a URL may hold a password
}

constexpr Key<Tool> kTool[] = {
    {"effect", [](const Yaml& y, Tool& t) { return read_word(y, t.effect, kEffects); }},
    {"audit", [](const Yaml& y, Tool& t) { return read_word(y, t.audit, kAudits); }},
    {"clear",
     [](const Yaml& y, Tool& t) {
       return read_list<std::string>(y, t.clear, [](const Yaml& e, std::string& s) { return read_name(e, "a field's name", s); });
     }},
};

Result<> read_tool(const Yaml& yaml, Tool& into) {
  if (yaml.type == Type::text) return read_word(yaml, into.effect, kEffects);
  if (yaml.type != Type::map) return wrong_type(yaml, "read, write or {effect, audit, clear}");
  return read_map<Tool>(yaml, into, kTool);
}

constexpr Key<Config> kConfig[] = {
    {"kill_switch", [](const Yaml& y, Config& c) { return read_map<KillSwitch>(y, c.kill_switch, kKillSwitch); }},
    {"host", [](const Yaml& y, Config& c) { return read_name(y, "a host", c.host); }},
    {"ledger", [](const Yaml& y, Config& c) { return read_ledger(y, c.ledger); }},
    {"on_fence", [](const Yaml& y, Config& c) { return read_word(y, c.on_fence, kOnFence); }},
    {"fleet", [](const Yaml& y, Config& c) { return read_name(y, "a fleet", c.fleet); }},
    {"tools", [](const Yaml& y, Config& c) { return read_named<Tool>(y, core::check_tool, c.tools, read_tool); }},
    {"servers", [](const Yaml& y, Config& c) { return read_servers(y, c.servers); }},
    {"routes", [](const Yaml& y, Config& c) { return read_routes(y, c.routes); }},
    {"agents", [](const Yaml& y, Config& c) { return read_agents(y, c.agents); }},
    {"anonymous", [](const Yaml& y, Config& c) { return read_anonymous(y, c.anonymous); }},
    {"listen", [](const Yaml& y, Config& c) { return read_listen(y, c.listen); }},
    {"tls", [](const Yaml& y, Config& c) { return read_tls(y, c.tls); }},
    {"audit", [](const Yaml& y, Config& c) { return read_audit(y, c.audit); }},
    {"limits", [](const Yaml& y, Config& c) { return read_limits(y, c.limits); }},
};

constexpr std::string_view kReserved[] = {"auth", "notify", "tripwires"};

constexpr std::string_view kFile = "file:/";  // ${file:/run/secrets/token}

std::optional<std::string> first_line(const std::string& path) {
  auto text = read_file(path, 64 << 10);
  if (!text) return std::nullopt;
  return text->substr(0, text->find('\n'));
}

Result<Config> read_config(std::string_view text) {
  auto yaml = parse_yaml(text);
  if (!yaml) return std::unexpected(yaml.error());
  Config config;
  if (yaml->type == Type::null) return config;  // an empty file, or comments only
  for (std::string_view reserved : kReserved)
    if (const auto* key = yaml->find(reserved))
      return config::at(key->line, key->column,
                        fmt::format("`{}` is a reserved key that this build does not know yet; remove it", reserved),
                        Kind::unsupported);
  if (auto read = read_map<Config>(*yaml, config, kConfig); !read) return std::unexpected(read.error());
  const bool by_certificate = std::ranges::any_of(config.agents, [](const Agent& agent) { return !agent.certificate.empty(); });
  if (by_certificate && config.tls.client_ca.empty())
    return at(yaml->find("agents")->value, "`certificate` wants `tls: client_ca`: without it nobody is asked for one");
  return config;
}

}  // namespace

Result<Config> parse(std::string_view text, std::string_view name) {
  auto config = read_config(text);
  if (!config) return trouble(config.error().kind, fmt::format("{}:{}", name, config.error().what));
  return config;
}

Result<Config> load(const std::string& path) {
  auto text = read_file(path, kMostBytes);
  if (!text) return std::unexpected(text.error());
  return parse(*text, path);
}

// A route's GET reads what its POST writes: the catalogue holds the milder, and each call says what it does itself.
std::map<std::string, Effect> proposed_effects(const Config& config) {
  std::map<std::string, Effect> out;
  for (const auto& [name, tool] : config.tools) out[name] = tool.effect;
  for (const Route& route : config.routes) {
    const std::string tool = route.tool.value_or("");
    auto names = [&](const auto& one) {
      const std::string& name = one.first;
      return name.ends_with('*') ? tool.starts_with(std::string_view(name).substr(0, name.size() - 1)) : tool == name;
    };
    if (tool.empty() || std::ranges::any_of(config.tools, names)) continue;
    auto reads = [](const std::string& method) { return method == "GET" || method == "HEAD"; };
    const bool read =
        route.effect ? *route.effect == Effect::read : route.methods.empty() || std::ranges::any_of(route.methods, reads);
    auto [entry, fresh] = out.try_emplace(tool, Effect::write);
    if (read) entry->second = Effect::read;
  }
  return out;
}

Result<std::string> expand(std::string_view text, const Environment& environment) {
  std::string out;
  while (true) {
    auto mark = text.find("${");
    out += text.substr(0, mark);
    if (mark == std::string_view::npos) return out;
    if (mark > 0 && text[mark - 1] == '$') {  // "$${": a plain "${"
      out += '{';
      text.remove_prefix(mark + 2);
      continue;
    }
    auto end = text.find('}', mark);
    if (end == std::string_view::npos) return trouble(Kind::refused, "`${` without its `}`; write `$${` for a plain `${`");
    std::string name(text.substr(mark + 2, end - mark - 2));
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
    const bool file = name.starts_with(kFile);
    if (!file && (name.empty() || !std::ranges::all_of(name, letter)))
      return trouble(Kind::refused, fmt::format("`${{{}}}` names no variable; write `$${{` for a plain `${{`", name));
    auto value = environment(name);
    if (!value && file) return trouble(Kind::gone, fmt::format("{}: cannot be read", name.substr(kFile.size() - 1)));
    if (!value) return trouble(Kind::gone, fmt::format("the environment variable {} is not set", name));
    out += *value;
    text.remove_prefix(end + 1);
  }
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    if (name.starts_with(kFile)) return first_line(name.substr(kFile.size() - 1));
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::vector<std::string> known_keys() {
  std::vector<std::string> all;
  list_keys(all, "", kConfig);
  list_keys(all, "kill_switch.", kKillSwitch);
  list_keys(all, "tools.*.", kTool);
  list_gateway_keys(all);
  list_audit_keys(all);
  return all;
}

}  // namespace notaus::config
