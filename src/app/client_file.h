// app/client_file.h: the servers in an MCP client's configuration, with `notaus mcp` put in front of their commands or taken away.
//
// Text in, text out: only the bytes of `command` and `args` differ, so comments, order, indentation and what else an entry holds stay.
// Knows mcpServers (Claude Desktop, Claude Code with its projects, Cursor) and servers (VS Code's mcp.json, and mcp in its settings).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace notaus::app {

struct Wrapping {
  std::string notaus;  // path of the program
  std::string state, config, tenant, agent;  // empty: what an entry has stays
  std::set<std::string> only = {};  // servers of these names; empty: all
};

struct ClientServer {
  enum class Became : std::uint8_t { wrapped, updated, unwrapped, same, not_covered };

  std::string where;  // "mcpServers", "projects./home/ana/app.mcpServers"
  std::string name;
  Became became = Became::same;
  std::vector<std::string> command = {};  // the server's own
  std::vector<std::string> environment = {};  // names of what the client sets for it
  std::string note = {};
};

struct ClientFile {
  std::string text;
  std::vector<ClientServer> servers;

  [[nodiscard]] std::size_t count(ClientServer::Became became) const;
};

// broken: it is no JSON, has no servers, or one that is not to be understood; with line and column.
Result<ClientFile> wrap(std::string_view text, const Wrapping& wrapping);
Result<ClientFile> unwrap(std::string_view text);

}  // namespace notaus::app
