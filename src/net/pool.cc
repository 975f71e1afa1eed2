#include "net/pool.h"

#include <chrono>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace notaus::net {
namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace

Pool::Pool(Loop& loop, Origin origin, std::shared_ptr<const Tls> tls)
    : loop_(loop), origin_(std::move(origin)), tls_(std::move(tls)) {
  loop.watch(*this);
}

std::unique_ptr<Link> Pool::idle() {
  while (!idle_.empty()) {
    auto link = std::move(idle_.back());
    idle_.pop_back();
    if (link->stream.quiet() == Stream::Quiet::yes) return link;
  }
  return nullptr;
}

Task<Result<std::unique_ptr<Link>>> Pool::connect() {
  using namespace asio::experimental::awaitable_operators;
  Timer late(loop_.context(), std::chrono::nanoseconds(kConnectNs));
  auto first = co_await (connect_to(loop_, origin_, tls_.get()) || late.async_wait(asio::use_awaitable_t<Executor>{}));
  if (first.index() == 1) co_return trouble(Kind::gone, "no connection within 5 s");
  auto& stream = std::get<0>(first);
  if (!stream) co_return std::unexpected(stream.error());
  co_return std::make_unique<Link>(*std::move(stream));
}

void Pool::give_back(std::unique_ptr<Link> link) {
  if (idle_.size() >= kMostIdle || link->reader.more_here()) return;
  link->idle_since = boot_now();
  link->used = true;
  idle_.push_back(std::move(link));
}

void Pool::tick(BootTime now) {
  std::erase_if(idle_, [&](const auto& link) { return now.ns - link->idle_since.ns >= kIdleNs; });
}

}  // namespace notaus::net
