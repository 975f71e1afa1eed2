// gate/handover.h: dispatch over HTTP: the write that hands over a request's first byte, and the last look right before it.
#pragma once

#include <memory>
#include <span>

#include "net/pool.h"

namespace notaus::gate {

struct HandedOver {
  std::unique_ptr<net::Link> link = {};  // nullptr: the last look said no
  std::size_t count = 0;  // how many bytes have left, at least one
};

// `may` is asked after every wait, also for a connection. A connection that was used before and takes not one byte has been closed by the
// other side meanwhile; then nothing has been sent, and the next one is tried. Trouble: no byte has left.
template <class May>
net::Task<Result<HandedOver>> hand_over(net::Pool& pool, std::span<const iovec> pieces, May may) {
  while (true) {
    Result<std::unique_ptr<net::Link>> link = pool.idle();
    if (!*link) link = co_await pool.connect();
    if (!link) co_return std::unexpected(link.error());
    net::Stream& to = (*link)->stream;
    while (true) {
      if (!may()) {
        pool.give_back(*std::move(link));
        co_return HandedOver{};
      }
      auto count = to.write_now(pieces);
      if (!count && (*link)->used) break;
      if (!count) co_return std::unexpected(count.error());
      if (*count > 0) co_return HandedOver{*std::move(link), *count};
      (void)co_await to.writable();
    }
  }
}

}  // namespace notaus::gate
