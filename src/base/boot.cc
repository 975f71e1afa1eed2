#include "base/boot.h"

#include "base/fd.h"

namespace notaus {

const std::string& boot_id() {
  static const std::string id = [] {
    auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
    return text ? text->substr(0, text->find('\n')) : "";
  }();
  return id;
}

}  // namespace notaus
