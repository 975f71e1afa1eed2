// config/gateway.h: the part of the file that says who comes to the gates, and where what they ask for leads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace notaus::config {

Result<> read_servers(const Yaml& yaml, std::map<std::string, Server>& into);
Result<> read_routes(const Yaml& yaml, std::vector<Route>& into);
Result<> read_agents(const Yaml& yaml, std::vector<Agent>& into);
Result<> read_anonymous(const Yaml& yaml, std::optional<std::string>& into);
Result<> read_listen(const Yaml& yaml, Listen& into);
Result<> read_limits(const Yaml& yaml, Limits& into);
Result<> read_tls(const Yaml& yaml, TlsFiles& into);

void list_gateway_keys(std::vector<std::string>& into);

}  // namespace notaus::config
