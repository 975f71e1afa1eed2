#include "net/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace notaus::net {

bool kept_back(int fd) {
  static const rlim_t first = [] {  // once: a program sets its limit when it begins
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur - std::min<rlim_t>(kKeptBack, limit.rlim_cur / 4);
  }();
  return static_cast<rlim_t>(fd) >= first;
}

}  // namespace notaus::net
