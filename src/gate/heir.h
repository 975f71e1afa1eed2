// gate/heir.h: sees to it that no server of ours outlives us, however we end.
//
// The kernel tells the servers when we die (SIGTERM, child.h), which one can ignore. So each also writes itself down with a small process of
// its own, before it executes anything; when we are gone, those that still run a moment later are killed, with all of their group.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace notaus::gate {

class Heir {
 public:
  // Before there is a second thread: it is a fork of us.
  static Result<Heir> make();

  // In a forked child that leads a group of its own, before it executes anything; async-signal-safe.
  void write_down_self() const;

  // Nobody is left of this group, so its number may be somebody else's soon.
  void strike_out(pid_t group) const;

 private:
  explicit Heir(Fd will) : will_(std::move(will)) {}

  Fd will_;  // it reads the other end, and its end is ours
};

}  // namespace notaus::gate
