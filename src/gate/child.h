// gate/child.h: the wrapped server as a process, and how it is made to end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace notaus::gate {

struct Child {
  pid_t pid = -1;  // and its process group
  Fd in, out;      // our ends of its stdin and stdout, non-blocking
};

// Runs argv[0] from PATH without a shell, in a process group of its own, with our environment, stderr and other descriptors. Call
// it on the main thread, before there is another: the child gets SIGTERM when the thread that made it ends. `gone` if there is no
// such command, `refused` if it cannot be executed.
Result<Child> spawn(const std::vector<std::string>& argv);

// Reaps what ended below us, orphans of the child included; the child itself stays a zombie, so that its process group cannot
// become another's. True once it has ended.
bool reap(const Child& child);

// Ends what is left of its group and returns its exit status as a shell would: 128 + n for signal n.
int finish(const Child& child);

// When to send what to a child that should end. Moments only come nearer.
class Ending {
 public:
  void asked(BootTime now);     // its stdin was closed: SIGTERM in 1.5 s, before a client that waits 2 s loses patience
  void insisted(BootTime now);  // we were signalled: SIGTERM now
  void ended(BootTime now);     // it ended; what still holds its stdout gets half a second

  [[nodiscard]] bool begun() const { return step_at_.has_value(); }
  [[nodiscard]] bool over() const { return step_ == Step::over; }
  [[nodiscard]] std::optional<BootTime> next() const { return step_at_; }

  int signal_due(BootTime now);  // SIGTERM, SIGKILL, or 0

 private:
  enum class Step : std::uint8_t { term, kill, give_up, over };
  void term_by(BootTime at);

  Step step_ = Step::term;
  std::optional<BootTime> step_at_;
};

}  // namespace notaus::gate
