// app/doorman.h: the control socket of a host that has a daemon, STATE/live/control: others' stops come in there.
//
// It takes connections on a thread of its own and gives each to a process of its own (on_behalf.h), which reads what is wanted, looks who wants it,
// and does it. So nothing that hangs or fills up in there, and no agent at the gate, keeps the next one from being heard: the thread needs one
// descriptor, of those that no agent gets (net/descriptors.h).
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/site.h"
#include "base/fd.h"

namespace notaus::app {

class Doorman {
 public:
  static constexpr std::size_t kMost = 64, kMostOfUser = 8;  // at work at once

  static Result<std::unique_ptr<Doorman>> open(const Place& place);
  ~Doorman();  // hears nobody any more; what is under way goes on

 private:
  Doorman(const Place& place, Fd listener, Fd ends);
  void work();
  void take(Fd client);
  void count_again();

  const std::string path_;
  std::vector<std::string> environment_;
  Fd listener_, ends_;
  struct Hand {
    pid_t pid;
    uid_t user;
  };
  std::vector<Hand> hands_;
  std::thread thread_;
};

}  // namespace notaus::app
