// host/rounds.h: the loop of a host that has a daemon: turned again and again, on a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "host/host.h"

namespace notaus::host {

class Rounds {
 public:
  // `told`: what goes wrong, each thing once while it lasts; empty: it is over. Called on the thread.
  Rounds(Site site, std::function<void(const std::string&)> told);
  ~Rounds();  // after a last drain

 private:
  void turn();
  void tell(std::string trouble);
  bool rest();  // false: it is time to end

  const Site site_;
  const std::function<void(const std::string&)> told_;
  std::string trouble_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace notaus::host
