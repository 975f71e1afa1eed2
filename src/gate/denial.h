// gate/denial.h: the lines we write ourselves, each complete with its newline.
#pragma once

#include <string>
#include <string_view>

#include <notaus/guard.hpp>

#include "base/json.h"
#include "gate/mcp.h"

namespace notaus::gate {

enum class Sent { no, yes };

// What a model or a person reads of it: the reason alone on the first line, then what to do about it.
[[nodiscard]] std::string told(const Denial& denial, Sent sent);

// The same for programs: reason, stop, revision, retryable; outcome, if it was sent.
JsonLine& add_details(JsonLine& into, const Denial& denial, Sent sent);

// What a client is told whose message was denied: a tool result that a model reads; for everything but tools/call, and for one that
// asks for a task, a JSON-RPC error; empty for a notification.
[[nodiscard]] std::string denial_line(const Message& message, const Denial& denial);

// What a client is told of a request that was sent, was then to be ended, and was not answered.
[[nodiscard]] std::string given_up_line(const Message& message, const Denial& denial);

// What the sender of a request is told that never reached the other side.
[[nodiscard]] std::string denied_request_line(std::string_view id, const Denial& denial);

// Asks the receiver of a request to end it.
[[nodiscard]] std::string cancel_line(std::string_view id, const Denial& denial);

// What is told of a request that its server will not answer, and the word for what became of it.
[[nodiscard]] std::string no_answer(std::string_view why, Sent sent);
[[nodiscard]] std::string_view outcome(Sent sent);
[[nodiscard]] std::string no_answer_line(std::string_view id, std::string_view why, Sent sent);

[[nodiscard]] std::string rejection_line(const Rejection& rejection);

}  // namespace notaus::gate
