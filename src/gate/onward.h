// gate/onward.h: the heads that go on: of a request to its upstream, of a response to its client.
//
// Lines are copied as they came. Only what belongs to one connection is left out, and what the gate alone may say is put in its place.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/message.h"
#include "net/origin.h"
#include "net/tls.h"

namespace notaus::gate {

struct Upstream {
  net::Origin origin;
  std::vector<std::pair<std::string, std::string>> headers;  // ours, in place of the client's
  std::shared_ptr<const net::Tls> tls = {};  // whom we believe, for an origin with TLS
};

// Why this request must not be passed on; its status 0: it may.
[[nodiscard]] net::Refusal unsound_request(const net::Head& request);

// Where a request goes on to, behind the upstream's own path; and how its body does: whole and thus of known length, or piece by piece in
// the framing that it has.
struct Onward {
  std::string_view target = {};
  bool whole = true;
  std::uint64_t length = 0;
};

// Names of the headers that told us who calls, which is nobody else's business; empty ones stand for none.
using Credentials = std::array<std::string_view, 2>;

void append_request(std::string& out, const net::Head& request, const Upstream& upstream, const Credentials& credentials,
                    const Onward& onward);

// Those of the client's lines that say who it is and what it takes, and nothing of the message.
void append_identity(std::string& out, const net::Head& request, const Upstream& upstream, const Credentials& credentials);

enum class Keeps : std::uint8_t { open, closes };
enum class Framed : std::uint8_t { as_it_came, anew };  // anew: in chunks of ours, or up to the close for HTTP/1.0
void append_response(std::string& out, const net::Head& response, const net::Head& request, Keeps connection,
                     Framed framed = Framed::as_it_came);

// Does the response's body go on in the chunks that it came in?
[[nodiscard]] bool stays_chunked(const net::Head& response, const net::Head& request);

}  // namespace notaus::gate
