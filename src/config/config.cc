#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>

#include <fmt/format.h>

#include "base/fd.h"

namespace notaus::config {
namespace {

using Type = Yaml::Type;

std::unexpected<Trouble> at(const Yaml& yaml, std::string_view what, Kind kind = Kind::refused) {
  return config::at(yaml.line, yaml.column, what, kind);
}

std::string_view text(Type type) {
  switch (type) {
    case Type::null: return "nothing";
    case Type::text: return "a text";
    case Type::list: return "a list";
    case Type::map: return "a map";
  }
  return "something else";
}

Result<> wrong_type(const Yaml& yaml, std::string_view wanted) {
  return at(yaml, fmt::format("{} is wanted here, not {}", wanted, text(yaml.type)));
}

// How many letters must be typed, deleted or replaced to make one the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j)
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
  }
  return row.back();
}

// A map of known keys: one table per map of the file, which also answers what is known and what was probably meant.
template <class T>
struct Key {
  std::string_view name;
  Result<> (*read)(const Yaml& value, T& into);
};

template <class T>
std::string unknown_key(std::string_view name, std::span<const Key<T>> keys) {
  if (name.size() > 64) return "unknown key, longer than any there is";
  auto near = std::ranges::min_element(keys, {}, [&](const Key<T>& key) { return distance(name, key.name); });
  if (distance(name, near->name) <= std::max<std::size_t>(2, name.size() / 3))
    return fmt::format("unknown key `{}`; did you mean `{}`?", name, near->name);
  std::string all;
  for (const auto& key : keys) all += fmt::format("{}{}", all.empty() ? "" : ", ", key.name);
  return fmt::format("unknown key `{}`; there are {}", name, all);
}

template <class T>
Result<> read_map(const Yaml& yaml, T& into, std::span<const Key<T>> keys) {
  if (yaml.type != Type::map) return wrong_type(yaml, "a map");
  for (const auto& [name, line, column, value] : yaml.map) {
    auto known = std::ranges::find(keys, name, &Key<T>::name);
    if (known == keys.end()) return config::at(line, column, unknown_key(name, keys));
    if (auto read = known->read(value, into); !read) return read;
  }
  return {};
}

Result<> read_text(const Yaml& yaml, std::string& into) {
  if (yaml.type != Type::text) return wrong_type(yaml, "a text");
  into = yaml.text;
  return {};
}

Result<> read_name(const Yaml& yaml, std::string_view what, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  if (auto sound = core::check_name(what, into); !sound) return at(yaml, sound.error().what);
  return {};
}

template <class T>
Result<> read_list(const Yaml& yaml, std::vector<T>& into, Result<> (*read)(const Yaml&, T&)) {
  if (yaml.type != Type::list) return wrong_type(yaml, "a list");
  for (const Yaml& element : yaml.list)
    if (auto done = read(element, into.emplace_back()); !done) return done;
  return {};
}

template <class T>
Result<> read_named(const Yaml& yaml, Result<> (*check)(std::string_view), std::map<std::string, T>& into,
                    Result<> (*read)(const Yaml&, T&)) {
  if (yaml.type != Type::map) return wrong_type(yaml, "a map");
  for (const auto& [name, line, column, value] : yaml.map) {
    if (auto sound = check(name); !sound) return config::at(line, column, sound.error().what);
    if (auto done = read(value, into[name]); !done) return done;
  }
  return {};
}

// One of some words, each standing for a value.
template <class T>
struct Word {
  std::string_view word;
  T value;
};

template <class T, std::size_t N>
Result<> read_word(const Yaml& yaml, T& into, const Word<T> (&words)[N]) {
  std::string all;
  for (const auto& [word, value] : words) {
    all += fmt::format("{}{}", all.empty() ? "" : " or ", word);
    if (yaml.type != Type::text || yaml.text != word) continue;
    into = value;
    return {};
  }
  if (yaml.type != Type::text) return wrong_type(yaml, all);
  return at(yaml, fmt::format("`{}` is none of the values known here: {}", yaml.text, all));
}

constexpr Word<core::Mode> kModes[] = {{"disable_writes", core::Mode::disable_writes}, {"stop_all", core::Mode::stop_all}};
constexpr Word<core::OnFence> kOnFence[] = {{"disable_writes", core::OnFence::disable_writes},
                                            {"stop_all", core::OnFence::stop_all}};
constexpr Word<Effect> kEffects[] = {{"read", Effect::read}, {"write", Effect::write}};
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

Result<> read_expandable(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  if (auto sound = expand(into, [](const std::string&) { return ""; }); !sound) return at(yaml, sound.error().what);
  if (into.find('\0') != std::string::npos) return at(yaml, "a text with a zero byte cannot be handed to a program");
  return {};
}

// A line break in a header's value would start a header of its own.
Result<> read_header(const Yaml& yaml, std::string& into) {
  if (auto read = read_expandable(yaml, into); !read) return read;
  if (into.find_first_of("\r\n") != std::string::npos) return at(yaml, "a header is one line");
  return {};
}

Result<> check_variable(std::string_view name) { return core::check_name("a variable's name", name); }
Result<> check_header(std::string_view name) { return core::check_name("a header's name", name); }
Result<> check_server(std::string_view name) { return core::check_name("a server", name); }

constexpr Key<Server> kServer[] = {
    {"command", [](const Yaml& y, Server& s) { return read_list<std::string>(y, s.command, read_expandable); }},
    {"env", [](const Yaml& y, Server& s) { return read_named<std::string>(y, check_variable, s.env, read_expandable); }},
    {"url", [](const Yaml& y, Server& s) { return read_expandable(y, s.url); }},
    {"headers", [](const Yaml& y, Server& s) { return read_named<std::string>(y, check_header, s.headers, read_header); }},
};

Result<> read_server(const Yaml& yaml, Server& into) {
  if (auto read = read_map<Server>(yaml, into, kServer); !read) return read;
  if (into.command.empty() == into.url.empty()) return at(yaml, "a server has either a `command` or a `url`");
  if (!into.command.empty() && into.command.front().empty()) return at(yaml, "the `command` has no program");
  if (into.command.empty() && !into.env.empty()) return at(yaml, "`env` goes with `command`; for a `url` there are `headers`");
  if (into.url.empty() && !into.headers.empty()) return at(yaml, "`headers` go with `url`; for a `command` there is `env`");
  if (!into.url.empty() && !into.url.starts_with("http://") && !into.url.starts_with("https://") && !into.url.starts_with("${"))
    return at(yaml, "the `url` begins neither with http:// nor with https://");
  return {};
}

Result<> read_token(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  std::ranges::transform(into, into.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (into.size() == 64 && into.find_first_not_of("0123456789abcdef") == std::string::npos) return {};
  return at(yaml, "a SHA-256 is 64 hex digits: printf %s TOKEN | sha256sum");
}

constexpr Key<Agent> kAgent[] = {
    {"token_sha256", [](const Yaml& y, Agent& a) { return read_token(y, a.token_sha256); }},
    {"tenant", [](const Yaml& y, Agent& a) { return read_name(y, "a tenant", a.tenant); }},
    {"agent", [](const Yaml& y, Agent& a) { return read_name(y, "an agent", a.agent); }},
};

Result<> read_agent(const Yaml& yaml, Agent& into) {
  if (auto read = read_map<Agent>(yaml, into, kAgent); !read) return read;
  if (into.token_sha256.empty()) return at(yaml, "this agent has no `token_sha256`");
  if (into.tenant.empty()) return at(yaml, "this agent has no `tenant`");
  return {};
}

Result<> read_agents(const Yaml& yaml, std::vector<Agent>& into) {
  if (auto read = read_list<Agent>(yaml, into, read_agent); !read) return read;
  std::map<std::string_view, std::size_t> lines;
  for (std::size_t i = 0; i < into.size(); ++i)
    if (auto [first, is_new] = lines.emplace(into[i].token_sha256, yaml.list[i].line); !is_new)
      return at(yaml.list[i], fmt::format("the same token stands in line {}: it cannot be two agents", first->second));
  return {};
}

Result<> read_anonymous(const Yaml& yaml, std::optional<std::string>& into) {
  std::string word;
  if (auto read = read_name(yaml, "a tenant", word); !read) return read;
  if (word != "deny") into = word;
  return {};
}

Result<> read_address(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  auto colon = into.rfind(':');
  std::string_view port = colon == std::string::npos ? "" : std::string_view(into).substr(colon + 1);
  std::string_view host = std::string_view(into).substr(0, colon);
  unsigned number = 65536;
  bool whole = !port.empty() && std::from_chars(port.data(), port.data() + port.size(), number).ptr == port.data() + port.size();
  bool bare_v6 = host.find(':') != std::string_view::npos && !(host.starts_with('[') && host.ends_with(']'));
  if (host.empty() || bare_v6 || !whole || number > 65535)
    return at(yaml, fmt::format("`{}` is no address; write HOST:PORT, such as 127.0.0.1:8787 or [::1]:8787", into));
  return {};
}

constexpr Key<Listen> kListen[] = {
    {"gate", [](const Yaml& y, Listen& l) { return read_address(y, l.gate); }},
    {"control", [](const Yaml& y, Listen& l) { return read_address(y, l.control); }},
};

Result<> read_listen(const Yaml& yaml, Listen& into) {
  if (auto read = read_map<Listen>(yaml, into, kListen); !read) return read;
  if (into.gate == into.control && !into.gate.ends_with(":0"))
    return at(yaml, "`gate` and `control` have one address; agents must not reach control");
  return {};
}

Result<> read_routes(const Yaml& yaml, std::vector<Yaml>& into) {
  if (yaml.type != Type::list) return wrong_type(yaml, "a list");
  into = yaml.list;
  return {};
}

constexpr Key<Config> kConfig[] = {
    {"kill_switch", [](const Yaml& y, Config& c) { return read_map<KillSwitch>(y, c.kill_switch, kKillSwitch); }},
    {"host", [](const Yaml& y, Config& c) { return read_name(y, "a host", c.host); }},
    {"ledger", [](const Yaml& y, Config& c) { return read_ledger(y, c.ledger); }},
    {"on_fence", [](const Yaml& y, Config& c) { return read_word(y, c.on_fence, kOnFence); }},
    {"fleet", [](const Yaml& y, Config& c) { return read_name(y, "a fleet", c.fleet); }},
    {"tools", [](const Yaml& y, Config& c) { return read_named<Tool>(y, core::check_tool, c.tools, read_tool); }},
    {"servers", [](const Yaml& y, Config& c) { return read_named<Server>(y, check_server, c.servers, read_server); }},
    {"routes", [](const Yaml& y, Config& c) { return read_routes(y, c.routes); }},
    {"agents", [](const Yaml& y, Config& c) { return read_agents(y, c.agents); }},
    {"anonymous", [](const Yaml& y, Config& c) { return read_anonymous(y, c.anonymous); }},
    {"listen", [](const Yaml& y, Config& c) { return read_listen(y, c.listen); }},
};

constexpr std::string_view kReserved[] = {"tls", "auth", "audit", "notify", "tripwires"};

template <class T, std::size_t N>
void list_keys(std::vector<std::string>& into, std::string_view prefix, const Key<T> (&keys)[N]) {
  for (const auto& key : keys) into.push_back(fmt::format("{}{}", prefix, key.name));
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
    if (name.empty() || !std::ranges::all_of(name, letter))
      return trouble(Kind::refused, fmt::format("`${{{}}}` names no variable; write `$${{` for a plain `${{`", name));
    auto value = environment(name);
    if (!value) return trouble(Kind::gone, fmt::format("the environment variable {} is not set", name));
    out += *value;
    text.remove_prefix(end + 1);
  }
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::vector<std::string> known_keys() {
  std::vector<std::string> all;
  list_keys(all, "", kConfig);
  list_keys(all, "kill_switch.", kKillSwitch);
  list_keys(all, "tools.*.", kTool);
  list_keys(all, "servers.*.", kServer);
  list_keys(all, "agents[].", kAgent);
  list_keys(all, "listen.", kListen);
  return all;
}

}  // namespace notaus::config
