// bench/points.h: processes that are guarded by a state, to be stopped.
#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include <notaus/guard.hpp>

#include "base/fd.h"
#include "bench/measure.h"

namespace notaus::bench {

// `processes` of them with `each` Guards; alive until the end of this object, and then they leave in order.
class Points {
 public:
  Points(const std::string& state, int processes, int each) {
    int ready[2], leave[2];
    check(pipe(ready) == 0 && pipe(leave) == 0, "no pipe");
    for (int i = 0; i < processes; ++i)
      if (fork() == 0) be(state, each, ready, leave);
    close(ready[1]);
    close(leave[0]);
    leave_ = Fd(leave[1]);
    Fd from(ready[0]);
    processes_ = processes;
    char one = 0;
    for (int i = 0; i < processes; ++i) check(read(from.get(), &one, 1) == 1 && one == '+', "a point could not attach");
  }
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;
  ~Points() {
    leave_ = Fd();
    for (int i = 0; i < processes_; ++i) ::wait(nullptr);
  }

 private:
  [[noreturn]] static void be(const std::string& state, int each, const int* ready, const int* leave) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ready[0]);
    close(leave[1]);
    char ok = '+';
    {
      std::vector<Guard> guards;
      for (int i = 0; i < each; ++i) {
        guards.push_back(Guard::open({.state = state, .tenant = "acme", .agent = "mailer", .name = "bench"}));
        if (!guards.back().check({.tool = "email.send"}) && guards.back().trouble().empty()) continue;
        ok = '-';
      }
      check(write(ready[1], &ok, 1) == 1, "nobody waits");
      char until_closed = 0;
      (void)!read(leave[0], &until_closed, 1);
    }
    _exit(0);
  }

  Fd leave_;
  int processes_ = 0;
};

}  // namespace notaus::bench
