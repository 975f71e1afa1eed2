// base/socket_path.h: the address of a Unix socket, however long its path is. What an address has no room for is reached through a descriptor of the
// directory it lies in.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace notaus {

// Good for bind(2) and connect(2) as long as it lives.
class SocketPath {
 public:
  // refused: the name of the file alone is too long. Other trouble: the directory.
  static Result<SocketPath> of(const std::string& path);

  [[nodiscard]] const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&at_); }
  [[nodiscard]] socklen_t size() const { return sizeof at_; }

 private:
  SocketPath() = default;

  Fd directory_;
  sockaddr_un at_{.sun_family = AF_UNIX, .sun_path = {}};
};

}  // namespace notaus
