// net/server.h: listens, and hands each request to whoever answers it. One server belongs to one loop; each loop has its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>

#include "base/fd.h"
#include "net/connection.h"

namespace notaus::net {

class Server {
 public:
  // Answers the request that has just been read, and reads its body if it wants it. What it leaves unread ends the connection.
  using Handler = std::function<Task<>(Connection&)>;
  // The answer to what cannot be read as a request.
  using Refuse = std::function<Answer(const Refusal&)>;

  Server(Loop& loop, const Limits& limits, Handler handler, Refuse refuse);

  Result<> listen(Fd listener);

  // Of connections that come from now on; nullptr: none.
  void use(std::shared_ptr<const Tls> tls) { tls_ = std::move(tls); }

  // No connection and no request more; `empty` is called once the last of them has been answered.
  void wind_up(std::function<void()> empty);

  [[nodiscard]] std::size_t connections() const { return open_; }

  // Those that are waited for until they have read that they were one too many. They cost descriptors of those kept back, which the
  // process has once however many servers it has: so does this count.
  static constexpr std::size_t kMostTurnedAway = 16;
  [[nodiscard]] static std::size_t turned_away() { return turned_away_; }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor>;
  struct Seat {
    Seat() : had(turned_away_.fetch_add(1) < kMostTurnedAway) {}
    ~Seat() { turned_away_.fetch_sub(1); }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    const bool had;
  };
  static inline std::atomic<std::size_t> turned_away_ = 0;
  Task<> accept(Acceptor& acceptor);
  Task<> serve(std::shared_ptr<Connection> client);
  Task<> turn_away(std::shared_ptr<Connection> client);
  void left();

  Loop& loop_;
  Limits limits_;
  std::size_t held_ = 0;
  Handler handler_;
  Refuse refuse_;
  std::shared_ptr<const Tls> tls_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  boost::intrusive::list<Connection, boost::intrusive::base_hook<ServerHook>, boost::intrusive::constant_time_size<false>> clients_;
  std::size_t open_ = 0;
  std::function<void()> empty_;
};

}  // namespace notaus::net
