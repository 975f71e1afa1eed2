// gate/problem.h: what we answer ourselves over plain HTTP: RFC 9457 problems.
//
// A stop is 403 without Retry-After, whatever is stopped: clients try 429 and 5xx again by themselves, and 404 makes a model look for
// another way. `error.message` is where the SDKs of OpenAI and Anthropic look for what to show a person.
#pragma once

#include <string_view>

#include <notaus/guard.hpp>

#include "gate/denial.h"
#include "net/answer.h"

namespace notaus::gate {

// Denied before it was sent; or ended after it was, with an outcome that nobody knows.
[[nodiscard]] net::Answer denied(const Denial& denial, Sent sent);

// Not understood or not allowed, whatever is stopped. `why` says what was wrong with it.
[[nodiscard]] net::Answer refused(unsigned status, std::string_view why);

// The upstream's fault. Sent::yes: it may have taken effect.
[[nodiscard]] net::Answer bad_gateway(std::string_view why, Sent sent);

}  // namespace notaus::gate
