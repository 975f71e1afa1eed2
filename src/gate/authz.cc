#include "gate/authz.h"

namespace notaus::gate {
namespace {

using net::Head;
using net::Judged;
using net::Refusal;

struct Original {
  std::string_view method, target, host;
};

// The value of one key of a query, "%2E" undone; nothing: it is not there, or more than once.
std::optional<std::string> parameter(std::string_view query, std::string_view key) {
  std::optional<std::string> found;
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (!pair.starts_with(key) || pair.substr(key.size(), 1) != "=") continue;
    if (found) return std::nullopt;
    found = unescape_percent(pair.substr(key.size() + 1));
    if (!found) return std::nullopt;
  }
  return found;
}

// What the proxy's configuration says by itself. A method in it is the agent's (nginx: method=$request_method).
Judged<Wanted> from_query(std::string_view query) {
  auto tool = parameter(query, "tool");
  if (!tool || tool->empty()) return std::unexpected(Refusal{403, "authz: tool= is said twice or says nothing"});
  Wanted wanted{.tool = *tool == "none" ? "" : *tool};
  if (auto effect = parameter(query, "effect"))
    wanted.effect = *effect == "read" ? Effect::read : Effect::write;
  else if (auto method = parameter(query, "method"))
    wanted.effect = effect_of(Route{}, *method);
  if (wanted.tool.empty()) wanted.effect = Effect::read;
  return wanted;
}

Judged<Original> original_of(const Head& request) {
  const net::Field* host = request.find("Host");
  const std::string_view rest = request.target.substr(kAuthz.size());
  if (rest.starts_with('/')) return Original{request.method, rest, host != nullptr ? host->value : ""};
  auto one = [&](std::string_view name) { return request.count(name) == 1 ? request.find(name)->value : std::string_view(); };
  const Original nginx{one("X-Original-Method"), one("X-Original-URI"), one("X-Original-Host")};
  const Original forwarded{one("X-Forwarded-Method"), one("X-Forwarded-Uri"), one("X-Forwarded-Host")};
  const bool has_nginx = request.count("X-Original-URI") + request.count("X-Original-Method") > 0;
  const bool has_forwarded = request.count("X-Forwarded-Uri") + request.count("X-Forwarded-Method") > 0;
  if (has_nginx && has_forwarded)
    return std::unexpected(Refusal{403, "authz: X-Original-* and X-Forwarded-* both; one of them is the agent's"});
  const Original& said = has_nginx ? nginx : forwarded;
  if (said.method.empty() || said.target.empty())
    return std::unexpected(Refusal{
        403, "authz: what is asked about? Neither tool= nor one X-Original-URI and -Method, nor X-Forwarded-Uri and -Method"});
  return said;
}

}  // namespace

bool asks_authz(std::string_view target) {
  if (!target.starts_with(kAuthz)) return false;
  const std::string_view rest = target.substr(kAuthz.size());
  return rest.empty() || rest.front() == '?' || rest.front() == '/';
}

Judged<Wanted> wanted_of(const Head& request, const Routes& routes) {
  const std::string_view rest = request.target.substr(kAuthz.size());
  if (rest.starts_with('?') && rest.find("tool=") != std::string_view::npos) return from_query(rest.substr(1));
  auto original = original_of(request);
  if (!original) return std::unexpected(original.error());
  if (auto why = unsound_target(original->target); !why.empty()) return std::unexpected(Refusal{403, why});
  auto route = routes.match(host_name(original->host), original->method, original->target);
  if (!route) return std::unexpected(Refusal{403, "a path that differs from a route only in case or in a last slash"});
  if (*route == nullptr) return std::unexpected(Refusal{403, "no route of the configuration leads there"});
  return Wanted{(*route)->tool, (*route)->tool.empty() ? Effect::read : effect_of(**route, original->method)};
}

}  // namespace notaus::gate
