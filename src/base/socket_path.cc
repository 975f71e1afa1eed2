#include "base/socket_path.h"

#include <fcntl.h>

namespace notaus {

Result<SocketPath> SocketPath::of(const std::string& path) {
  SocketPath out;
  constexpr std::size_t kMost = sizeof out.at_.sun_path - 1;
  const auto slash = path.rfind('/');
  std::string shown = path;
  if (path.size() > kMost && slash != std::string::npos) {
    auto directory = open_file(path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
    if (!directory) return std::unexpected(directory.error());
    out.directory_ = *std::move(directory);
    shown = "/proc/self/fd/" + std::to_string(out.directory_.get()) + path.substr(slash);
  }
  if (shown.size() > kMost) return trouble(Kind::refused, path + ": too long a name for a socket");
  shown.copy(out.at_.sun_path, kMost);
  return out;
}

}  // namespace notaus
