// host/rest.h: between two rounds of a daemon. Spools hold a few megabytes a process: who writes more than that in a second must not wait.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.h"

namespace notaus::host {

class Rest {
 public:
  enum class Over { in_time, spools_fill, at_end };

  // `spool`: the directory. Where the kernel tells us nothing of it, every rest takes its whole time.
  explicit Rest(std::string spool);

  Over take(std::chrono::milliseconds at_most);
  void end();  // from any thread, for this rest and all that follow

 private:
  [[nodiscard]] int made_since() const;  // segments, since it was asked last

  const std::string spool_;
  Fd news_, end_;
};

}  // namespace notaus::host
