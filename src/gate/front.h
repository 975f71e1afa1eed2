// gate/front.h: the HTTP gate of one loop. Each has a guard of its own, so that a call touches no memory another core writes.
#pragma once

#include <functional>
#include <memory>

#include "gate/exchange.h"
#include "gate/hub.h"
#include "gate/mcp_exchange.h"
#include "gate/piped_exchange.h"
#include "gate/site.h"
#include "net/server.h"

namespace notaus::gate {

struct Guards {
  Guard& own;    // this loop's
  Guard& asked;  // admission-only, of all loops: for calls that a proxy makes and tells nobody the end of
};

class Front {
 public:
  // All outlive it. `mcp_calls` of one caller: the hub's places are those of all loops.
  Front(net::Loop& loop, const Guards& guards, Hub& hub, Supervisor& supervisor, std::shared_ptr<const Policy> policy,
        const net::Limits& limits, std::size_t mcp_calls);

  Result<> listen(Fd listener) { return server_.listen(std::move(listener)); }

  // On the loop's thread.
  void reload(std::shared_ptr<const Policy> policy);
  void page_changed();
  [[nodiscard]] std::shared_ptr<const Site> site() const { return site_; }
  void wind_up(std::function<void()> empty);

 private:
  net::Task<> answer(net::Connection& client);
  net::Task<> answer_mcp(net::Connection& client, const Asked& asked);
  net::Task<> answer_piped(net::Connection& client, const Asked& asked, const std::string& server, const Command& command);
  net::Task<> authorize(net::Connection& client);
  net::Task<> refuse(net::Connection& client, const net::Refusal& why);
  void enforce();

  using Timer =
      net::asio::basic_waitable_timer<std::chrono::steady_clock, net::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  net::Loop& loop_;
  Guard &guard_, &asked_;
  Hub& hub_;
  Supervisor& supervisor_;
  Seats seats_, mcp_seats_;
  std::shared_ptr<const Site> site_;
  boost::intrusive::list<Exchange, boost::intrusive::base_hook<ExchangeHook>, boost::intrusive::constant_time_size<false>>
      exchanges_;
  boost::intrusive::list<McpExchange, boost::intrusive::base_hook<McpHook>, boost::intrusive::constant_time_size<false>> mcp_;
  boost::intrusive::list<PipedExchange, boost::intrusive::base_hook<PipedHook>, boost::intrusive::constant_time_size<false>> piped_;
  Timer due_;
  net::Server server_;
};

}  // namespace notaus::gate
