// gate/tree.h: every process below this one, also those that have left their group or session: as child-subreaper we inherit what its
// parent leaves behind. Where a cgroup can be made (cgroups(7), v2) they are in one, which the kernel kills in one step.
//
// Nobody else's process is ever signalled: each that is not our own child is opened (pidfd_open(2)) and known by its start time before.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace notaus::gate {

class Tree {
 public:
  // Before the first child. Without the right to make a cgroup there is none.
  Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree();

  // In a forked child, before it executes anything; async-signal-safe.
  void enter() const;

  void signal(int number) const;  // each of them once
  void kill_all() const;  // SIGKILL, also to those who are born meanwhile, as far as it sees them; empty() tells

  // Reaps who has ended, and tells `ended` of each; true if nobody is left. No walk can tell: a process may move from one place to
  // another while we look. But whoever loses its parent is our child before that parent can be reaped, so no child is no tree.
  [[nodiscard]] bool empty(const std::function<void(pid_t, int status)>& ended) const;

  [[nodiscard]] const std::string& cgroup() const { return cgroup_; }  // its directory; empty: none

 private:
  struct Process {
    pid_t pid;
    std::string started;  // clock ticks since boot, as in /proc/PID/stat
  };
  [[nodiscard]] std::vector<Process> members() const;
  static void send(const Process& process, int number);
  static void kill_children();

  std::string cgroup_;
  Fd procs_;
};

}  // namespace notaus::gate
