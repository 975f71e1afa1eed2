#include "config/gateway.h"

#include <charconv>

#include "base/ascii.h"
#include "config/keys.h"

namespace notaus::config {
namespace {

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
Result<> check_header(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  auto fits = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || kMarks.contains(c);
  };
  if (!name.empty() && std::ranges::all_of(name, fits)) return {};
  return trouble(Kind::refused, "a header's name has letters, digits and -");
}
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

// As OpenSSL writes a subject alternative name; DNS names have no case.
Result<> read_certified_name(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  const auto colon = into.find(':');
  const std::string_view kind = std::string_view(into).substr(0, colon);
  const bool plain = std::ranges::none_of(into, [](char c) { return c <= ' ' || c > '~'; });
  if (colon == std::string::npos || colon + 1 == into.size() || !plain || (kind != "URI" && kind != "DNS" && kind != "email"))
    return at(yaml, "a name of a certificate is URI:…, DNS:… or email:…, as `openssl x509 -noout -ext subjectAltName` shows it");
  if (kind == "DNS") std::transform(into.begin() + 4, into.end(), into.begin() + 4, lower);
  return {};
}

constexpr Key<Agent> kAgent[] = {
    {"token_sha256", [](const Yaml& y, Agent& a) { return read_token(y, a.token_sha256); }},
    {"certificate", [](const Yaml& y, Agent& a) { return read_certified_name(y, a.certificate); }},
    {"tenant", [](const Yaml& y, Agent& a) { return read_name(y, "a tenant", a.tenant); }},
    {"agent", [](const Yaml& y, Agent& a) { return read_name(y, "an agent", a.agent); }},
};

Result<> read_agent(const Yaml& yaml, Agent& into) {
  if (auto read = read_map<Agent>(yaml, into, kAgent); !read) return read;
  if (into.token_sha256.empty() == into.certificate.empty())
    return at(yaml, "an agent has either a `token_sha256` or a `certificate`");
  if (into.tenant.empty()) return at(yaml, "this agent has no `tenant`");
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

Result<> read_host(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  std::ranges::transform(into, into.begin(), lower);
  if (!into.empty() && into.find_first_of(":/ *") == std::string::npos) return {};
  return at(yaml, "a host's name is wanted here, without scheme and port");
}

constexpr Key<Listen> kListen[] = {
    {"gate", [](const Yaml& y, Listen& l) { return read_address(y, l.gate); }},
    {"control", [](const Yaml& y, Listen& l) { return read_address(y, l.control); }},
    {"hosts", [](const Yaml& y, Listen& l) { return read_list<std::string>(y, l.hosts, read_host); }},
};

Result<> read_path_of_file(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  if (into.starts_with('/') && into.find('\0') == std::string::npos) return {};
  return at(yaml, "the path of a PEM file is wanted here, from / on");
}

constexpr Key<TlsFiles> kTls[] = {
    {"cert", [](const Yaml& y, TlsFiles& t) { return read_path_of_file(y, t.cert); }},
    {"key", [](const Yaml& y, TlsFiles& t) { return read_path_of_file(y, t.key); }},
    {"client_ca", [](const Yaml& y, TlsFiles& t) { return read_path_of_file(y, t.client_ca); }},
    {"upstream_ca", [](const Yaml& y, TlsFiles& t) { return read_path_of_file(y, t.upstream_ca); }},
};

Result<> read_calls(const Yaml& yaml, std::size_t& into) {
  std::string text;
  if (auto read = read_text(yaml, text); !read) return read;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, into).ptr == end && into >= 1 && into <= 1024) return {};
  return at(yaml, fmt::format("`{}` is no number of calls: from 1 to 1024, which is as many as one core can have under way", text));
}

constexpr Key<Limits> kLimits[] = {
    {"calls_per_agent", [](const Yaml& y, Limits& l) { return read_calls(y, l.calls_per_agent); }},
};

Result<> read_methods(const Yaml& yaml, std::vector<std::string>& into) {
  auto read_one = [](const Yaml& y, std::string& method) -> Result<> {
    if (auto read = read_text(y, method); !read) return read;
    if (!method.empty() && std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; })) return {};
    return at(y, fmt::format("`{}` is no method, such as GET or POST", method));
  };
  if (yaml.type == Type::text) return read_one(yaml, into.emplace_back());
  return read_list<std::string>(yaml, into, read_one);
}

Result<> read_path(const Yaml& yaml, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  const auto star = into.find('*');
  if (into.starts_with('/') && (star == std::string::npos || (star == into.size() - 1 && into[star - 1] == '/')) &&
      into.find_first_of("?#% \\;") == std::string::npos)
    return {};
  return at(yaml, fmt::format("`{}` is no path of a route; there are /v1/send and /v1/*", into));
}

Result<> read_route_tool(const Yaml& yaml, std::string& into) {
  if (auto read = read_name(yaml, "a tool", into); !read) return read;
  if (into.ends_with('*')) return at(yaml, "a route leads to one tool; a prefix has no place here");
  if (into == "none") into.clear();
  return {};
}

Result<> read_url(const Yaml& yaml, std::string& into) {
  if (auto read = read_expandable(yaml, into); !read) return read;
  if (into.starts_with("http://") || into.starts_with("https://") || into.starts_with("${")) return {};
  return at(yaml, "the `url` begins neither with http:// nor with https://");
}

constexpr Key<Route> kRoute[] = {
    {"host", [](const Yaml& y, Route& r) { return read_host(y, r.host); }},
    {"method", [](const Yaml& y, Route& r) { return read_methods(y, r.methods); }},
    {"path", [](const Yaml& y, Route& r) { return read_path(y, r.path); }},
    {"tool", [](const Yaml& y, Route& r) { return read_route_tool(y, r.tool.emplace()); }},
    {"effect", [](const Yaml& y, Route& r) { return read_word(y, r.effect.emplace(), kEffects); }},
    {"url", [](const Yaml& y, Route& r) { return read_url(y, r.url); }},
    {"headers", [](const Yaml& y, Route& r) { return read_named<std::string>(y, check_header, r.headers, read_header); }},
};

Result<> read_route(const Yaml& yaml, Route& into) {
  if (auto read = read_map<Route>(yaml, into, kRoute); !read) return read;
  if (into.path.empty()) return at(yaml, "this route has no `path`");
  if (into.url.empty()) return at(yaml, "this route has no `url`: where does the tool run?");
  if (!into.tool) return at(yaml, "this route has no `tool`; `tool: none` is a step of the run loop, such as a model's API");
  if (into.tool->empty() && into.effect) return at(yaml, "`tool: none` has no effect: only stop_all stops a step of the run loop");
  return {};
}

}  // namespace

Result<> read_servers(const Yaml& yaml, std::map<std::string, Server>& into) {
  return read_named<Server>(yaml, check_server, into, read_server);
}

Result<> read_routes(const Yaml& yaml, std::vector<Route>& into) { return read_list<Route>(yaml, into, read_route); }

Result<> read_agents(const Yaml& yaml, std::vector<Agent>& into) {
  if (auto read = read_list<Agent>(yaml, into, read_agent); !read) return read;
  std::map<std::string_view, std::size_t> lines;
  for (std::size_t i = 0; i < into.size(); ++i) {
    const bool by_token = into[i].certificate.empty();
    if (auto [first, is_new] = lines.emplace(by_token ? into[i].token_sha256 : into[i].certificate, yaml.list[i].line); !is_new)
      return at(yaml.list[i], fmt::format("the same {} stands in line {}: it cannot be two agents",
                                          by_token ? "token" : "name of a certificate", first->second));
  }
  return {};
}

Result<> read_anonymous(const Yaml& yaml, std::optional<std::string>& into) {
  std::string word;
  if (auto read = read_name(yaml, "a tenant", word); !read) return read;
  if (word != "deny") into = word;
  return {};
}

Result<> read_listen(const Yaml& yaml, Listen& into) {
  if (auto read = read_map<Listen>(yaml, into, kListen); !read) return read;
  if (into.gate == into.control && !into.gate.ends_with(":0"))
    return at(yaml, "`gate` and `control` have one address; agents must not reach control");
  return {};
}

Result<> read_tls(const Yaml& yaml, TlsFiles& into) {
  if (auto read = read_map<TlsFiles>(yaml, into, kTls); !read) return read;
  if (into.cert.empty() != into.key.empty()) return at(yaml, "`cert` and `key` go together");
  if (into.cert.empty() && !into.client_ca.empty())
    return at(yaml, "`client_ca` goes with `cert` and `key`: without TLS nobody shows a certificate");
  return {};
}

Result<> read_limits(const Yaml& yaml, Limits& into) { return read_map<Limits>(yaml, into, kLimits); }

void list_gateway_keys(std::vector<std::string>& into) {
  list_keys(into, "servers.*.", kServer);
  list_keys(into, "routes[].", kRoute);
  list_keys(into, "agents[].", kAgent);
  list_keys(into, "listen.", kListen);
  list_keys(into, "tls.", kTls);
  list_keys(into, "limits.", kLimits);
}

}  // namespace notaus::config
