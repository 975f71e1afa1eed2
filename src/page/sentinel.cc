#include "page/sentinel.h"

#include <sys/stat.h>

namespace notaus::page {

bool sentinel_stands(const StateDir& state) {
  struct stat file{};
  return lstat(state.sentinel().c_str(), &file) == 0;
}

}  // namespace notaus::page
