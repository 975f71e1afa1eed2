// gate/stdio.h: the loop between a client on our stdin and stdout and a server in a child process.
//
// One thread. Bytes wait in few places, all bounded: one line of the client that is not yet whole or not yet taken by the server,
// one request of the server, one chunk for a client that reads slowly. Who is slow slows down the other side, as a pipe would.
#pragma once

#include <poll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <notaus/guard.hpp>

#include "base/fd.h"
#include "gate/child.h"
#include "gate/pipes.h"
#include "gate/relay.h"
#include "gate/session.h"

namespace notaus::gate {

struct StdioOptions {
  int client_in = 0, client_out = 1;
  int signals = -1;  // signalfd of SIGTERM, SIGINT, SIGHUP, SIGCHLD
  int changed = -1;  // eventfd: the page was flipped
  std::size_t max_line = 16u << 20;
};

class Stdio {
 public:
  Stdio(Guard& guard, Child child, const StdioOptions& options);

  int run();  // until the server has ended: its exit status

 private:
  enum Polled : std::uint8_t { kClientIn, kServerIn, kServerOut, kClientOut, kSignals, kChanged, kPolled };

  void wait(BootTime now);
  [[nodiscard]] bool ready(Polled which) const;
  void hear_signals(BootTime now);
  void hear_change();
  void read_client();
  void feed_server(BootTime now);
  bool take_line();
  Io hand_over(BootTime now);
  void server_deaf(BootTime now);
  void close_server_in(BootTime now);
  void read_server(BootTime now);
  void judge_server_line();
  void flush_client(BootTime now);
  void keep_time(BootTime now);
  void end_server(BootTime now);
  void apply(const Ruling& ruling);
  void answer_client(const std::string& lines);
  [[nodiscard]] bool backlog() const;
  [[nodiscard]] bool wants_line() const;
  [[nodiscard]] bool wants_client() const;
  [[nodiscard]] bool wants_server() const;
  [[nodiscard]] bool finished() const;

  StdioOptions options_;
  std::array<pollfd, kPolled> polled_ = {};
  Child child_;
  Guard& guard_;
  Session session_;
  Relay relay_;
  Lines from_client_;
  Writer client_, server_;
  Outbox to_client_, to_server_;
  std::string answers_;              // for the client, while it is amid a line of the server
  std::optional<std::string> line_;  // passed by the guard, its first byte not yet gone
  UnderWay under_way_;  // the same, read
  std::string chunk_;
  Ending ending_;
  std::optional<BootTime> next_due_, stuck_since_;
  bool client_eof_ = false, client_gone_ = false, client_hung_up_ = false, hurried_ = false;
  bool server_eof_ = false, child_ended_ = false, server_quiet_ = false;
};

}  // namespace notaus::gate
