// gate/mcp_exchange.h: one request of an MCP client through one HTTP upstream, and back (streamable HTTP).
//
// What goes to the server is decided by its body (session.h) and goes on as it came. What comes back goes on message by message: a request
// of the server is held until it is decided. Who is lost when: in the old era a client that leaves has cancelled nothing, so its answer is
// awaited a while; in the new era a closed stream is the cancel, so it is handed on at once, and no clock of ours closes one.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include <boost/intrusive/list.hpp>

#include "gate/hub.h"
#include "gate/mcp_request.h"
#include "gate/policy.h"
#include "gate/relay.h"
#include "net/connection.h"
#include "net/pool.h"

namespace notaus::gate {

struct OfMcp;  // a tag: which of the front's lists
using McpHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<OfMcp>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class McpExchange final : public net::Timed, public McpHook {
 public:
  static constexpr std::size_t kMostAnswer = 16 << 20;  // of a message that must be held until it is decided

  struct Ways {
    net::Loop& loop;
    net::Connection& client;
    net::Pool& pool;
    const Upstream& upstream;
    Hub& hub;
    std::shared_ptr<const void> alive;  // holds the pool and the upstream
    Seats& seats;
  };
  // `query`: of the target, with its question mark.
  McpExchange(const Ways& ways, const Asked& asked, std::string server, std::string_view query);
  ~McpExchange();

  net::Task<> run();

  // The gate wants to end: a stream of news, which would never, does at once.
  void wind_up();

  void tick(BootTime now) override;

 private:
  net::Task<bool> hear_client();
  net::Task<bool> dispatch();
  net::Task<> relay();
  net::Task<> relay_opaque();
  net::Task<> relay_messages(Relay::Form form);
  net::Task<> last_message(Relay::Form form, bool anew);
  [[nodiscard]] Rest what_is_left() const;
  void open_head(Framed framed);
  std::string judge(std::string_view bytes);
  std::string judge_message();
  void aside(std::string line);
  net::Task<> write(std::string_view bytes);
  net::Task<> write_end();  // of the chunks
  net::Task<> write_pieces(std::span<iovec> pieces);
  net::Task<> broke(std::string_view why);
  void told(const Order& order);
  void interject(const std::string& event);
  void client_left();

  static constexpr std::string_view kOldServer =
      "it speaks HTTP+SSE of the revision 2024-11-05; what is needed is a server of streamable HTTP (2025-03-26 and later)";

  const Ways ways_;
  net::Connection& client_;
  const Asked& asked_;
  const std::string server_;
  const std::string_view query_;
  McpRequest request_;
  const std::string& session_;  // as the request names it; empty: none
  const Way way_;
  std::shared_ptr<Dialogue> dialogue_;
  UnderWay under_way_;
  Era era_ = Era::legacy;
  bool news_ = false;  // the response is a stream that ends only with who listens
  Rest rest_ = Rest::lost;
  std::unique_ptr<net::Link> link_;
  std::string& body_;
  std::string head_;  // of the response, not yet gone
  std::optional<Relay> relay_;
  std::string unsaid_;  // chunks of ours that go in front of the next
  std::string given_up_;  // what the client is told of a call that a stop has ended
  bool ours_ = false;  // the body is, not the client's
  bool answering_ = false, chunks_ = false, writing_ = false, left_ = false, watching_ = false;
  std::optional<BootTime> give_up_at_;
  BootTime began_;
  std::shared_ptr<McpExchange*> self_ = std::make_shared<McpExchange*>(this);  // for who may outlive us
};

}  // namespace notaus::gate
