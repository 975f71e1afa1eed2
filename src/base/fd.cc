#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace notaus {

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Trouble os_trouble(const std::string& path, int error) {
  Kind kind = Kind::broken;
  if (error == ENOENT || error == ENOTDIR) kind = Kind::gone;
  if (error == EACCES || error == EPERM || error == EROFS) kind = Kind::refused;
  if (error == EAGAIN || error == EINTR) kind = Kind::retry;
  char text[128];
  return {kind, path + ": " + strerror_r(error, text, sizeof text)};
}

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  Fd fd(open(path.c_str(), flags | O_CLOEXEC, mode));
  if (fd && fd.get() <= STDERR_FILENO) fd = Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!fd) return std::unexpected(os_trouble(path, errno));
  return fd;
}

void fill_standard_streams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0) (void)!open("/dev/null", O_RDWR);  // which takes the lowest number that is free
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(os_trouble("pipe", errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<std::string> read_file(const std::string& path, std::size_t at_most) {
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return std::unexpected(fd.error());
  std::string text;
  char block[16384];
  while (true) {
    ssize_t n = read(fd->get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(os_trouble(path, errno));
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
    if (text.size() > at_most) return trouble(Kind::broken, path + ": larger than any such file may be");
  }
}

Result<> read_at(int fd, void* into, std::size_t size, std::uint64_t offset) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    ssize_t n = pread(fd, at, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(os_trouble("read", errno));
    if (n == 0) return trouble(Kind::broken, "read: the file ends too early");
    at += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

Result<> write_at(int fd, const void* from, std::size_t size, std::uint64_t offset) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    ssize_t n = pwrite(fd, at, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(os_trouble("write", errno));
    at += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(os_trouble("write", errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace notaus
