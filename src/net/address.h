// net/address.h: where to listen and where to connect.
#pragma once

#include <string>

#include "base/fd.h"
#include "net/origin.h"
#include "net/stream.h"

namespace notaus::net {

// "127.0.0.1:8787", "[::1]:8787" or "unix:/path". Each loop has a listener of its own (SO_REUSEPORT); the kernel spreads connections over
// them. A Unix socket replaces one at its path that nobody listens on any more; `mode` is the socket's.
Result<Fd> listen_on(const std::string& address, unsigned mode = 0600);

[[nodiscard]] std::string bound_address(int fd);  // with the port that a :0 has become

// Small pieces go at once; a peer that has gone without a word, or takes nothing for so long, is found out.
void prepare(int fd, std::int64_t patience_ns);

// A name is asked for on a thread of Asio's, each time: its answer may have changed.
// `tls`: for an origin that wants it.
Task<Result<Stream>> connect_to(Loop& loop, const Origin& origin, const Tls* tls = nullptr);

}  // namespace notaus::net
