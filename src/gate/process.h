// gate/process.h: what proc(5) says of a process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace notaus::gate {

struct ProcessStat {
  char state;
  std::string started;  // clock ticks since boot: tells two apart that had one number
};
std::optional<ProcessStat> stat_of(pid_t pid);

}  // namespace notaus::gate
