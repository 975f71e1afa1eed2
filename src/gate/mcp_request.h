// gate/mcp_request.h: one HTTP request of an MCP client, read and judged, and the answers that end it here. What becomes of one that goes on
// is mcp_exchange.h for a server behind a URL and piped_exchange.h for one that is a command.
#pragma once

#include <optional>
#include <string>

#include "gate/policy.h"
#include "gate/seats.h"
#include "gate/session.h"
#include "net/connection.h"

namespace notaus::gate {

class McpRequest {
 public:
  static constexpr std::size_t kMostBody = 4 << 20;  // what the SDKs take

  McpRequest(net::Connection& client, const Asked& asked, Guard& guard);

  // May MCP come with this head? Else it has been answered.
  net::Task<bool> sound();

  // The message in its body, which it has views into. Nothing: it has been answered.
  net::Task<std::optional<Message>> message();

  // Has its caller room for it, until this is gone? News and what no answer is waited for need none. Else it has been answered.
  net::Task<bool> seated(const Message& message, Seats& seats);

  net::Task<> refuse(unsigned status, std::string_view why);
  net::Task<> answer(const Ruling& ruling);  // of a message that ends here
  void note(std::string_view why);

  [[nodiscard]] const std::string& session() const { return session_; }  // that it names; empty: none
  std::string& body() { return body_; }

 private:
  net::Connection& client_;
  const Asked& asked_;
  Guard& guard_;
  const std::string session_;
  std::string body_;
  Seats::Seat seat_;
};

// Names a request with its response: no two of this process have the same.
[[nodiscard]] std::string next_way();

}  // namespace notaus::gate
