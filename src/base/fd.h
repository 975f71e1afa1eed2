// base/fd.h: a file descriptor that closes itself, and whole reads and writes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace notaus {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// "PATH: Permission denied", its kind read from errno: ENOENT is gone, EACCES/EPERM/EROFS refused, EAGAIN/EINTR retry, else broken.
[[nodiscard]] Trouble os_trouble(const std::string& path, int error);

// open(2) with O_CLOEXEC added, and never one of the standard streams: where somebody has closed one of those, what the program says later
// would be written into the file.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0600);

// For a program that may be started without standard streams: gives it empty ones, so that no pipe and no socket is taken for one.
void fill_standard_streams();

struct Pipe {
  Fd read, write;
};
Result<Pipe> make_pipe();  // both ends close-on-exec

Result<std::string> read_file(const std::string& path, std::size_t at_most = 64 << 20);

// All of it or Trouble; EINTR is retried. A short read at the end of the file is Kind::broken.
Result<> read_at(int fd, void* into, std::size_t size, std::uint64_t offset);
Result<> write_at(int fd, const void* from, std::size_t size, std::uint64_t offset);
Result<> write_all(int fd, std::string_view bytes);

}  // namespace notaus
