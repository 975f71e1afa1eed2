#include "gate/process.h"

#include <algorithm>
#include <sstream>

#include "base/fd.h"

namespace notaus::gate {

// "pid (name) state …", the start time is field 22. The name may hold anything, also ")".
std::optional<ProcessStat> stat_of(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return std::nullopt;
  std::istringstream fields(text->substr(std::min(text->rfind(')') + 1, text->size())));
  ProcessStat out{};
  std::string skipped;
  fields >> out.state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> out.started;
  return fields ? std::optional(out) : std::nullopt;
}

}  // namespace notaus::gate
