#include "net/server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/address.h"
#include "net/descriptors.h"

namespace notaus::net {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
constexpr auto kBreath = std::chrono::milliseconds(100);  // when the machine has no descriptor or memory left

int family_of(int fd) {
  int family = 0;
  socklen_t size = sizeof family;
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

}  // namespace

Server::Server(Loop& loop, const Limits& limits, Handler handler, Refuse refuse)
    : loop_(loop), limits_(limits), handler_(std::move(handler)), refuse_(std::move(refuse)) {}

Result<> Server::listen(Fd listener) {
  const int family = family_of(listener.get());
  auto acceptor = std::make_unique<Acceptor>(loop_.context());
  boost::system::error_code error;
  (void)acceptor->assign({family, family == AF_UNIX ? 0 : IPPROTO_TCP}, listener.get(), error);
  if (error) return trouble(Kind::broken, error.message());
  (void)listener.release();
  acceptors_.push_back(std::move(acceptor));
  loop_.start(accept(*acceptors_.back()));
  return {};
}

Task<> Server::accept(Acceptor& acceptor) {
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> breath(
      loop_.context());
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(kAsTuple);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      breath.expires_after(kBreath);
      co_await breath.async_wait(kAsTuple);
      continue;
    }
    prepare(socket.native_handle(), limits_.stall_ns);
    const bool free = open_ < limits_.connections && !kept_back(socket.native_handle());
    auto client = std::make_shared<Connection>(loop_, Stream(std::move(socket)), limits_, held_);
    loop_.start(free ? serve(std::move(client)) : turn_away(std::move(client)));
  }
}

Task<> Server::serve(std::shared_ptr<Connection> client) {
  ++open_;
  clients_.push_back(*client);
  const auto tls = tls_;
  while (!tls || client->stream().secured() || co_await client->secure(*tls)) {
    auto request = co_await client->next();
    if (request) {
      co_await handler_(*client);
      (void)client->hold(0);
      if (client->keeps()) continue;
    } else if (request.error().status != 0) {
      client->close_after_this();
      co_await client->answer(refuse_(request.error()));
    } else {
      break;
    }
    co_await client->part();
    break;
  }
  clients_.erase(clients_.iterator_to(*client));
  left();
}

Task<> Server::turn_away(std::shared_ptr<Connection> client) {
  if (tls_) co_return;  // to tell it why would cost more than it asks for
  client->close_after_this();
  co_await client->answer(refuse_({503, "too many connections"}));
  const Seat seat;
  if (!seat.had) co_return client->part_at_once();
  co_await client->part();
}

void Server::wind_up(std::function<void()> empty) {
  empty_ = std::move(empty);
  boost::system::error_code ignored;
  for (auto& acceptor : acceptors_) (void)acceptor->close(ignored);
  for (Connection& client : clients_) client.wind_up();
  if (open_ == 0) empty_();
}

void Server::left() {
  --open_;
  if (open_ == 0 && empty_) empty_();
}

}  // namespace notaus::net
