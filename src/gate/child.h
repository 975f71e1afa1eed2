// gate/child.h: a command as a process of ours, and how it is made to end.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
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

struct Birth {
  int in = -1, out = -1;  // become its stdin and stdout; -1: it shares ours
  bool own_group = false;
  int death_signal = 0;  // what it gets when the thread that made it ends
  std::function<void()> enter = {};  // in the child, before it executes anything: async-signal-safe
  std::function<bool()> last_look = {};  // in us, right before it executes argv[0]; false: it must not
};

// Runs argv[0] from PATH without a shell, with our environment and the descriptors that are inherited. Call it on a thread that lives as long
// as the child should: `death_signal` comes with that thread's end.
// `gone` if there is no such command, `refused` if it cannot be executed, `retry` if the last look said no.
Result<pid_t> start(const std::vector<std::string>& argv, const Birth& birth);

// A server: in a process group of its own, its stdin and stdout ours, ended by SIGTERM when we end. `enter` as above.
Result<Child> spawn(const std::vector<std::string>& argv, std::function<void()> enter = {});

// The same from a program that has connections of others: it gets none of our descriptors, and `env` besides our environment. `enter` as above.
Result<Child> spawn_apart(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env,
                          const std::function<void()>& enter = {});

void adopt_orphans();  // what outlives a launcher (npx, uvx) comes to us from now on

// Reaps what ended below us, orphans of the child included; the child itself stays a zombie, so that its process group cannot
// become another's. True once it has ended.
bool reap(const Child& child);

// Ends what is left of its group and returns its exit status.
int finish(const Child& child);

int shell_status(int status);  // of wait(2), as a shell would say it: 128 + n for signal n

// When to send what to a child that should end. Moments only come nearer.
class Ending {
 public:
  void asked(BootTime now);  // its stdin was closed: SIGTERM in 1.5 s, before a client that waits 2 s loses patience
  void insisted(BootTime now);  // we were signalled: SIGTERM now
  void ended(BootTime now);  // it ended; what still holds its stdout gets half a second

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
