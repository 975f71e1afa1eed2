// host/rounds.h: the loop of a host that has a daemon: turned again and again, on a thread of its own.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "host/rest.h"
#include "host/retention.h"

namespace notaus::host {

class Rounds {
 public:
  // `told`: what goes wrong, each thing once while it lasts; empty: it is over. Called on the thread.
  Rounds(Site site, Retention retention, Pruner who, std::function<void(const std::string&)> told);
  ~Rounds();  // after a last drain

  void keep(const Retention& retention);  // from now on

 private:
  void turn();
  void tell(std::string trouble);
  std::string prune_if_due();  // what keeps it from pruning

  const Site site_;
  const Pruner who_;
  const std::function<void(const std::string&)> told_;
  std::string trouble_, unpruned_;
  BootTime next_pruning_;  // 0: at once
  std::mutex mutex_;
  Retention retention_;
  bool told_to_keep_ = false;  // something new
  Rest rest_;
  std::thread thread_;
};

}  // namespace notaus::host
