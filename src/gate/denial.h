// gate/denial.h: the lines we write ourselves, each complete with its newline.
#pragma once

#include <string>
#include <string_view>

#include <notaus/guard.hpp>

#include "gate/mcp.h"

namespace notaus::gate {

// What a client is told whose message was denied: a tool result that a model reads, for everything but tools/call a JSON-RPC error;
// empty for a notification.
[[nodiscard]] std::string denial_line(const Message& message, const Denial& denial);

// What the sender of a request is told that never reached the other side.
[[nodiscard]] std::string denied_request_line(std::string_view id, const Denial& denial);

[[nodiscard]] std::string rejection_line(const Rejection& rejection);

}  // namespace notaus::gate
