#include "gate/policy.h"

#include <algorithm>

namespace notaus::gate {
namespace {

using net::Head;
using net::Judged;
using net::Refusal;

constexpr std::string_view kNobody = "no credential of an agent known here";
constexpr std::string_view kNameOfNobody = "no credential known here, no name of its certificate either";
constexpr Credentials kHeaders = {"Authorization", "X-Api-Key"};

bool is_address(std::string_view host) {
  return host.starts_with('[') || (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

// A page from elsewhere reaches us under a name of its own (DNS rebinding), never under an address that it was not loaded from.
bool leads_here(const Policy& policy, std::string_view authority) {
  const std::string host = host_name(authority);
  if (host == "localhost" || is_address(host) || policy.hosts.contains(host)) return true;
  return std::ranges::any_of(policy.routes.all(), [&](const Route& route) { return route.host == host; });
}

// Of a browser's request. Ours is only what was loaded from where it now asks.
bool is_ours(std::string_view origin, std::string_view authority) {
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && net::same_name(origin.substr(scheme + 3), authority);
}

Refusal check_origin(const Policy& policy, const Head& request) {
  const net::Field* host = request.find("Host");
  if (host != nullptr && !leads_here(policy, host->value))
    return {403, "a Host that does not lead here; `listen: hosts:` names those that do"};
  const net::Field* origin = request.find("Origin");
  if (origin != nullptr && (host == nullptr || !is_ours(origin->value, host->value)))
    return {403, "an Origin that is not ours: a page from elsewhere"};
  return {};
}

std::string_view token_in(const net::Field& field) {
  return net::same_name(field.name, "Authorization") ? bearer(field.value) : field.value;
}

// What each credential says must be the same.
class Known {
 public:
  [[nodiscard]] bool agrees(const Caller* caller) {
    if (caller == nullptr) return true;
    if (!caller_) caller_ = caller;
    return *caller_ == *caller;
  }
  [[nodiscard]] const Caller* caller() const { return caller_; }

 private:
  const Caller* caller_ = nullptr;
};

}  // namespace

Judged<Asked> judge(const Policy& policy, const Head& request, const net::Peer& peer, Came came) {
  if (auto unsound = unsound_request(request); unsound.status != 0) return std::unexpected(unsound);
  if (auto foreign = check_origin(policy, request); came == Came::here && foreign.status != 0) return std::unexpected(foreign);
  constexpr Refusal kTwo{400, "two credentials of different callers"};
  Known known;
  Credentials told = {};
  if (came == Came::here)
    for (const std::string& name : peer.certified)
      if (!known.agrees(policy.identities.who_is(name))) return std::unexpected(kTwo);
  for (std::size_t at = 0; at < kHeaders.size(); ++at) {
    const net::Field* field = request.find(kHeaders[at]);
    const Caller* caller = field != nullptr ? policy.identities.who(token_in(*field)) : nullptr;
    if (!known.agrees(caller)) return std::unexpected(kTwo);
    if (caller != nullptr) told[at] = kHeaders[at];
  }
  if (known.caller() != nullptr) return Asked{*known.caller(), told};
  if (!policy.anonymous) return std::unexpected(Refusal{401, peer.certified.empty() ? kNobody : kNameOfNobody});
  if (!peer.local) return std::unexpected(Refusal{401, "no credential of an agent known here; anonymous callers are local ones"});
  return Asked{{*policy.anonymous, ""}, {}};
}

}  // namespace notaus::gate
