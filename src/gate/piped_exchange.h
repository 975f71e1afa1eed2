// gate/piped_exchange.h: one request of an MCP client that is answered by a server in a child process.
//
// What the server says in time is a response of HTTP by itself; a stream of events is begun where it says something else first, or works
// for long. Who is lost when: in the new era a client that leaves has cancelled, in the old one nothing.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <boost/intrusive/list.hpp>

#include "gate/mcp_request.h"
#include "gate/supervisor.h"
#include "net/connection.h"

namespace notaus::gate {

struct OfPiped;  // a tag: which of the front's lists
using PipedHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<OfPiped>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class PipedExchange final : public net::Timed, public PipedHook {
 public:
  struct Ways {
    net::Loop& loop;
    net::Connection& client;
    Supervisor& supervisor;
    Guard& guard;
    Seats& seats;
  };
  PipedExchange(const Ways& ways, const Asked& asked, std::string server, const Command& command);
  ~PipedExchange();

  net::Task<> run();

  // The gate wants to end: a stream of news, which would never, does at once.
  void wind_up();

  void tick(BootTime now) override;

 private:
  net::Task<bool> ask();
  net::Task<std::optional<Told>> next();
  net::Task<bool> pass_on(Told told);
  net::Task<bool> open_stream();
  net::Task<bool> event(std::string_view text);
  net::Task<> last(std::string_view text);
  net::Task<> lost(const Told& told);
  net::Task<> write(std::string_view bytes);
  net::Task<> end_stream();
  void hear(Told told);
  void client_left();

  const Ways ways_;
  net::Connection& client_;
  const Asked& asked_;
  McpRequest request_;
  const std::string way_ = next_way();
  Errand errand_;
  std::string id_;  // of the message; empty: nobody waits for an answer to it
  Era era_ = Era::legacy;
  std::string began_session_;
  std::deque<Told> told_;  // not yet passed on
  std::size_t told_size_ = 0;
  net::asio::basic_waitable_timer<std::chrono::steady_clock, net::asio::wait_traits<std::chrono::steady_clock>, net::Executor>
      bell_;
  bool streaming_ = false, news_ = false, left_ = false, watching_ = false;
  std::optional<BootTime> asked_at_;
  std::shared_ptr<PipedExchange*> self_ = std::make_shared<PipedExchange*>(this);  // for who may outlive us
};

}  // namespace notaus::gate
