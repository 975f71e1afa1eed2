// gate/exchange.h: one request of an agent, through one upstream, and back.
//
// Order: the request is whole (up to 1 MiB of it) → the guard admits → a connection is there → last look → its first byte leaves. What
// comes back is passed on as it comes. A call is in flight from its admission until its response has ended; if its client leaves before, it
// is listened to a while longer, because how it ended is what an operator will ask.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/intrusive/list.hpp>

#include <notaus/guard.hpp>

#include "gate/policy.h"
#include "gate/seats.h"
#include "net/connection.h"
#include "net/pool.h"

namespace notaus::gate {

struct OfFront;  // a tag: which of its lists
using ExchangeHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<OfFront>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class Exchange final : public net::Timed, public ExchangeHook {
 public:
  static constexpr std::size_t kWhole = 1 << 20;  // a longer body is sent on while it still comes in

  struct Ways {
    net::Connection& client;
    net::Pool& pool;
    const Upstream& upstream;
    Guard& guard;
    Seats& seats;
  };
  Exchange(const Ways& ways, const Asked& asked, const Route& route);

  net::Task<> run();

  void page_changed() { wanted_ = permit_.cancellation(); }

  // A stop wants calls ended. This one, if its grace is over; else when it will be.
  std::optional<BootTime> enforce(BootTime now);

  void tick(BootTime now) override;

 private:
  net::Task<bool> read_request();
  net::Task<> refuse(const net::Refusal& why);
  net::Task<bool> dispatch();
  net::Task<bool> send_rest();
  net::Task<> relay();
  net::Task<bool> relay_head(net::Reader::Form form);
  net::Task<> broke(std::string_view why);
  void client_left();
  [[nodiscard]] std::string args() const;
  [[nodiscard]] Call call(std::string_view args) const;

  net::Connection& client_;
  net::Pool& pool_;
  const Upstream& upstream_;
  Guard& guard_;
  Seats& seats_;
  Seats::Seat seat_;
  const Asked& asked_;
  const Route& route_;
  Permit permit_;
  std::unique_ptr<net::Link> link_;
  std::string body_, head_;
  bool body_whole_ = true, answering_ = false, left_ = false;
  std::optional<Cancellation> wanted_;
  std::optional<Denial> ended_by_;
  std::optional<BootTime> give_up_at_;
  BootTime began_;
  std::shared_ptr<Exchange*> watching_;  // the client's leaving, once it has taken longer than a tick
};

}  // namespace notaus::gate
