// gate/inquiry.h: asks an MCP server about itself as a plain client does, one question at a time.
//
// No guard stands between, so nobody may ask for more than lists through it: it is for the operator who wants to know what the
// tools of a server are before any agent has it.
//
// Owner:   one server process with its group, and the signals of this process: SIGINT, SIGTERM and SIGHUP end the inquiry. Both are
//          given back by the destructor, within about three seconds from a server that does not want to end.
// Threads: the main one, while it is alone (see spawn()).
// Bounds:  one deadline for all questions; lines of at most max_line bytes; what is no answer is dropped as it comes.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "gate/child.h"
#include "gate/pipes.h"
#include "gate/server_line.h"

namespace notaus::gate {

class Inquiry {
 public:
  struct Limits {
    BootTime deadline;
    std::size_t max_line = 16u << 20;
  };
  static Result<Inquiry> start(const std::vector<std::string>& command, Limits limits);
  Inquiry(Inquiry&&) = default;
  ~Inquiry();

  // The line that answers, an error of the server's too; `params` is JSON. retry: the deadline passed; gone: the server ended; refused:
  // interrupted; broken: its answer is too long. After any of these, nothing more can be asked.
  Result<std::string> ask(std::string_view method, std::string_view params);

  void tell(std::string_view method);  // a notification

 private:
  struct Signals {  // ours to read while this lives
    Signals();
    Signals(Signals&&) = default;
    ~Signals();
    sigset_t before = {};
    sighandler_t on_pipe = nullptr;  // what SIGPIPE did
    Fd fd;
  };
  Inquiry(Signals signals, Child child, std::string name, Limits limits);

  Result<std::string> line_of(std::string_view method);
  Result<> wait(std::string_view method);
  Result<> ended(std::string_view method);
  void reply(const ServerLine& asked);
  void hear_signals();
  int end();

  Signals signals_;
  Child child_;
  std::string name_;
  Limits limits_;
  Lines lines_;
  Writer to_server_;
  Outbox outbox_;
  std::uint64_t asked_ = 0;
  bool running_ = true, child_ended_ = false, hurried_ = false;
};

}  // namespace notaus::gate
