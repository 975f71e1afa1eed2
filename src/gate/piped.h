// gate/piped.h: one MCP server in a child process, whose client speaks HTTP: many requests, each a way of its own, over one pair of pipes.
//
// As over stdio (stdio.h): a message is heard, and admitted; it waits for the server's pipe; the last look comes right before the write(2)
// that hands over its first byte. No byte of it is changed but line ends, which JSON takes for space and which would end a line.
//
// Threads: everything on one loop, the supervisor's. `Tell` is called there and hands over to the loop of whoever waits.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "gate/child.h"
#include "gate/heir.h"
#include "gate/pipes.h"
#include "gate/policy.h"
#include "gate/relay.h"
#include "gate/session.h"
#include "net/loop.h"

namespace notaus::gate {

// What becomes of a message of the client.
struct Told {
  enum class What : std::uint8_t {
    session,  // `text` names the one that has begun
    message,  // of the server, for this way, which goes on
    answer,  // the last one: the server's, or ours in its place
    accepted,  // it was handed over, and nobody will answer it
    ruled,  // it was not, and `ruling` is its end
    refused,  // it was not, and belongs nowhere: `status`, and `text` says why
    not_sent,  // the server is gone, and no byte of it had left
    unknown,  // the same, and some had; or its answer was none
  } what;
  std::string text = {};
  Ruling ruling = {};
  unsigned status = 0;
};
using Tell = std::function<void(Told)>;

// A message of the client on its way to the server.
struct Outgoing {
  std::shared_ptr<std::string> text;  // on one line, without its end; `message` has views into it
  Message message;
  std::string way;
  Tell tell;
};

class Piped final : public net::Timed, public std::enable_shared_from_this<Piped> {
 public:
  static constexpr std::size_t kMostWaiting = 64;
  static constexpr std::size_t kMostAnswer = 16 << 20;
  static constexpr std::size_t kMostUnclaimed = 1 << 20;  // of what the server said while nobody listened

  // Trouble: there is no such command, or no room for it. `heir` may be none, and outlives it.
  static Result<std::shared_ptr<Piped>> start(net::Loop& loop, Guard& guard, const Caller& caller, const Command& command,
                                              const Heir* heir = nullptr);
  Piped(net::Loop& loop, Guard& guard, const Caller& caller, pid_t pid, const Heir* heir);
  ~Piped();

  // No request in flight has its id or its progress token.
  [[nodiscard]] bool can_tell_apart(const Message& message) const;
  [[nodiscard]] bool runs(const std::string& task) const { return session_.runs(task); }

  void hear(Outgoing what);
  void hear_news(const std::string& way, Tell tell);  // what concerns no request goes there
  void leave(const std::string& way);  // its client has
  void page_changed();

  void close();  // it is to end: SIGTERM follows, and SIGKILL
  [[nodiscard]] bool ending() const { return ending_.begun(); }
  [[nodiscard]] bool ended() const { return over_; }  // nobody of its process group is left, or not to be moved
  [[nodiscard]] bool idle() const { return ways_.empty() && waiting_.empty() && session_.idle(); }
  [[nodiscard]] bool has_news() const { return ways_.contains(news_); }

  void tick(BootTime now) override { keep_time(now); }

 private:
  struct Waiting {
    std::shared_ptr<std::string> text;
    UnderWay under_way;
    Tell tell;
  };
  struct Open {  // a request of HTTP that waits for what the server says
    Tell tell;
    std::string id = {}, id_key = {}, progress = {};  // of its message
    Era era = Era::legacy;
    bool sent = false, begins = false, news = false;
    std::uint64_t number = 0;
  };

  using Pipe = net::asio::posix::basic_stream_descriptor<net::Executor>;
  using Timer =
      net::asio::basic_waitable_timer<std::chrono::steady_clock, net::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  Result<> attach(Child child);
  void note(std::string_view why);
  void rule(const Ruling& ruling, const Tell& tell);
  void feed();
  void drop_waiting();
  Io hand_over();
  void await_room();
  void await_bytes();
  void read();
  void judge();
  [[nodiscard]] std::string way_of(const ServerLine& line) const;
  void deliver(const std::string& way, Told told);
  void keep(std::string text);
  void claim(const std::string& way);
  void cancel(const Open& open);
  void deaf();
  void keep_time(BootTime now);
  void lay_to_rest(BootTime now);
  void carry_out(const Order& order);

  Guard& guard_;
  const Caller caller_;
  Session session_;
  const pid_t pid_;
  const Heir* heir_;
  Pipe in_, out_, death_;
  std::optional<Writer> writer_;
  Outbox to_server_;
  std::deque<Waiting> waiting_;  // for the pipe, none of their bytes gone
  Relay relay_{kMostAnswer};
  std::map<std::string, Open> ways_;
  std::deque<std::string> unclaimed_;
  std::size_t unclaimed_size_ = 0;
  std::string news_;  // the way that listens for what concerns no request
  std::string chunk_;
  Ending ending_;
  Timer due_;
  std::uint64_t opened_ = 0;
  bool waits_for_room_ = false, waits_for_bytes_ = false;
  bool exited_ = false, deaf_ = false, reaped_ = false, over_ = false;
};

}  // namespace notaus::gate
