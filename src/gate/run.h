// gate/run.h: one process tree as one call: `notaus run`. It starts only if the call is admitted, is in flight until the last of its
// processes has ended, and is ended when a stop wants its calls ended.
#pragma once

#include <string>
#include <vector>

#include <notaus/guard.hpp>

#include "base/clock.h"
#include "gate/child.h"
#include "gate/tree.h"

namespace notaus::gate {

constexpr int kDeniedStatus = 6;  // as of `notaus check`

struct RunOptions {
  std::string tool;  // empty: a run's start, which only stop_all stops
  std::vector<std::string> command;
  int signals = -1;  // signalfd of SIGTERM, SIGINT, SIGHUP, SIGCHLD
  int changed = -1;  // eventfd: the page was flipped
};

class Run {
 public:
  Run(Guard& guard, RunOptions options) : guard_(guard), options_(std::move(options)) {}

  // The command's exit status, 128 + n if signal n ended it; kDeniedStatus: it was not started; 126, 127: it could not be.
  int run();

 private:
  int follow(pid_t pid);
  void hear_signals();
  void hear_change();
  void keep_time(BootTime now);
  int denied(const Denial& denial) const;

  Guard& guard_;
  RunOptions options_;
  Tree tree_;
  Permit permit_;
  std::optional<Cancellation> wanted_;
  Ending ending_;
  std::optional<BootTime> kill_at_;  // again, as long as one of them is left
  std::optional<int> status_;  // of the command; the processes it left may still run
};

}  // namespace notaus::gate
