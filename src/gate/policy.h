// gate/policy.h: what the configuration says about requests. A reload replaces it as a whole; who has begun with the old one ends with it.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gate/identity.h"
#include "gate/onward.h"
#include "gate/route.h"
#include "net/answer.h"
#include "net/message.h"

namespace notaus::gate {

// An MCP server to be started.
struct Command {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // besides our environment
  bool operator==(const Command&) const = default;
};

struct Policy {
  Routes routes = {};
  std::vector<Upstream> upstreams = {};
  std::map<std::string, std::size_t> servers = {};  // of MCP, by name: which of the upstreams; /mcp/NAME leads there
  std::map<std::string, Command> commands = {};  // the same, of those that are no upstream
  Identities identities = {};
  std::optional<std::string> anonymous = {};  // the tenant of local callers without a credential
  std::shared_ptr<const net::Tls> tls = {};  // towards agents; none: plain
  std::set<std::string> hosts = {};  // names that lead here, lower case; addresses and localhost do in any case
};

// A request, known.
struct Asked {
  Caller caller;
  Credentials credentials = {};  // the headers that said so
};

// Who asks, and whether it may at all; nothing yet about which tool. `proxied`: the request is about one that came to another server, whose
// Host and Origin are not ours to judge, and on a connection whose certificate is the proxy's.
enum class Came : std::uint8_t { here, proxied };
[[nodiscard]] net::Judged<Asked> judge(const Policy& policy, const net::Head& request, const net::Peer& peer,
                                       Came came = Came::here);

}  // namespace notaus::gate
