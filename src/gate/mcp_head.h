// gate/mcp_head.h: what the head of an HTTP request may say about the message of MCP in its body.
//
// The body decides. A head that says something else is refused, in either era, whoever might have gone by it.
#pragma once

#include <optional>

#include "gate/mcp.h"
#include "net/message.h"

namespace notaus::gate {

// Why no message of MCP may come with this head; its status 0: one may.
[[nodiscard]] net::Refusal unsound_mcp(const net::Head& request);

// Mcp-Method, Mcp-Name and MCP-Protocol-Version, as far as they are there, against the body.
[[nodiscard]] std::optional<Rejection> differs(const net::Head& request, const Message& message);

// What a request of the new era must have of these, and with them. A server behind pipes sees no head, so nobody but us can miss it.
[[nodiscard]] std::optional<Rejection> lacking(const net::Head& request, const Message& message);

constexpr int kHeaderMismatch = -32020;  // the protocol's own

}  // namespace notaus::gate
