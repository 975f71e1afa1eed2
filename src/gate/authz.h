// gate/authz.h: the question of a reverse proxy (nginx auth_request, Caddy forward_auth, Traefik ForwardAuth, Envoy ext_authz): may this
// request of an agent pass? Admission only: the proxy sends it on, and nobody tells us how it ended.
//
// What the agent could have said itself must not decide. So the tool comes from the query, which is the proxy's configuration, or from the
// headers that a proxy sets, of which there is exactly one kind; two kinds are refused.
#pragma once

#include <optional>
#include <string>

#include <notaus/call.hpp>

#include "gate/route.h"
#include "net/message.h"

namespace notaus::gate {

constexpr std::string_view kAuthz = "/v1/authz";

// "/v1/authz", with a query, or with the original path behind it (Envoy's path_prefix).
[[nodiscard]] bool asks_authz(std::string_view target);

struct Wanted {
  std::string tool = {};  // empty: a step of the run loop
  Effect effect = Effect::write;
};

[[nodiscard]] net::Judged<Wanted> wanted_of(const net::Head& request, const Routes& routes);

}  // namespace notaus::gate
