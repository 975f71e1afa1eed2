#include "app/gate_policy.h"

#include <algorithm>

#include <fmt/format.h>

namespace notaus::app {
namespace {

Result<std::string> expand_header(const std::string& text, const config::Environment& environment) {
  auto value = config::expand(text, environment);
  if (!value) return value;
  auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(*value, control)) return trouble(Kind::broken, "has a control character once its ${…} are filled in");
  return value;
}

// Whom we believe about upstreams; read once, and only if there is one with TLS.
class Believed {
 public:
  explicit Believed(const config::TlsFiles& files) : ca_(files.upstream_ca) {}

  Result<std::shared_ptr<const net::Tls>> tls() {
    if (tls_) return tls_;
    auto read = net::Tls::client(ca_);
    if (read) tls_ = *read;
    return read;
  }

 private:
  const std::string& ca_;
  std::shared_ptr<const net::Tls> tls_;
};

Result<gate::Upstream> upstream_of(const std::string& at, const std::map<std::string, std::string>& headers,
                                   const config::Environment& environment, Believed& believed) {
  auto url = config::expand(at, environment);
  auto origin = url ? net::parse_origin(*url) : Result<net::Origin>(std::unexpected(url.error()));
  if (!origin) return std::unexpected(origin.error().in("url"));
  gate::Upstream upstream{.origin = *std::move(origin), .headers = {}};
  if (upstream.origin.tls) {
    auto tls = believed.tls();
    if (!tls) return std::unexpected(tls.error().in("tls: upstream_ca"));
    upstream.tls = *std::move(tls);
  }
  for (const auto& [name, text] : headers) {
    auto value = expand_header(text, environment);
    if (!value) return std::unexpected(value.error().in("headers: " + name));
    upstream.headers.emplace_back(name, *std::move(value));
  }
  return upstream;
}

}  // namespace

Result<gate::Command> command_of(const config::Server& server, const config::Environment& environment) {
  gate::Command command;
  for (const std::string& text : server.command) {
    auto word = config::expand(text, environment);
    if (!word) return std::unexpected(word.error().in("command"));
    command.argv.push_back(*std::move(word));
  }
  for (const auto& [name, text] : server.env) {
    auto value = config::expand(text, environment);
    if (!value) return std::unexpected(value.error().in("env: " + name));
    command.env.emplace(name, *std::move(value));
  }
  return command;
}

Result<std::shared_ptr<const gate::Policy>> gate_policy(const config::Config& config, const config::Environment& environment) {
  auto policy = std::make_shared<gate::Policy>();
  Believed believed(config.tls);
  if (!config.tls.cert.empty()) {
    auto tls = net::Tls::server({config.tls.cert, config.tls.key, config.tls.client_ca});
    if (!tls) return std::unexpected(tls.error().in("tls"));
    policy->tls = *std::move(tls);
  }
  std::vector<gate::Route> routes;
  for (const config::Route& route : config.routes) {
    auto upstream = upstream_of(route.url, route.headers, environment, believed);
    if (!upstream) return std::unexpected(upstream.error().in(fmt::format("routes: {}", route.path)));
    routes.push_back({.host = route.host,
                      .methods = route.methods,
                      .path = route.path,
                      .tool = route.tool.value_or(""),
                      .effect = route.effect,
                      .upstream = policy->upstreams.size()});
    policy->upstreams.push_back(*std::move(upstream));
  }
  policy->routes = gate::Routes(std::move(routes));
  for (const auto& [name, server] : config.servers) {
    if (server.url.empty()) {
      auto command = command_of(server, environment);
      if (!command) return std::unexpected(command.error().in(fmt::format("servers: {}", name)));
      policy->commands.emplace(name, *std::move(command));
      continue;
    }
    auto upstream = upstream_of(server.url, server.headers, environment, believed);
    if (!upstream) return std::unexpected(upstream.error().in(fmt::format("servers: {}", name)));
    upstream->headers.emplace_back("Accept-Encoding", "identity");  // what comes back must be read
    policy->servers.emplace(name, policy->upstreams.size());
    policy->upstreams.push_back(*std::move(upstream));
  }
  for (const config::Agent& agent : config.agents) {
    gate::Caller caller{agent.tenant, agent.agent};
    if (agent.certificate.empty())
      policy->identities.add(agent.token_sha256, std::move(caller));
    else
      policy->identities.add_certified(agent.certificate, std::move(caller));
  }
  policy->anonymous = config.anonymous;
  policy->hosts.insert(config.listen.hosts.begin(), config.listen.hosts.end());
  const std::string own = gate::host_name(config.listen.gate);
  policy->hosts.insert(own);
  return policy;
}

}  // namespace notaus::app
