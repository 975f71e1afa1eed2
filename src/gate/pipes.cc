#include "gate/pipes.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace notaus::gate {
namespace {

constexpr std::size_t kChunk = 64 << 10;

Io outcome(ssize_t n) {
  if (n > 0) return Io::some;
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? Io::blocked : Io::closed;
}

bool is_kind(int fd, mode_t kind) {
  struct stat file{};
  return fstat(fd, &file) == 0 && (file.st_mode & S_IFMT) == kind;
}

}  // namespace

Io read_some(int fd, std::string& into, std::size_t at_most) {
  std::size_t before = into.size();
  ssize_t n = 0;
  into.resize_and_overwrite(before + at_most, [&](char* data, std::size_t) {
    n = ::read(fd, data + before, at_most);
    return before + static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  });
  return outcome(n);
}

// Opening a pipe again gives it flags of its own. Where that fails, a pipe that polls writable takes PIPE_BUF bytes without
// blocking.
Writer::Writer(int fd) : fd_(fd), way_(Way::plain) {
  if (is_kind(fd, S_IFSOCK)) way_ = Way::socket;
  if (!is_kind(fd, S_IFIFO) || (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) return;
  reopened_ = Fd(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (reopened_)
    fd_ = reopened_.get();
  else
    way_ = Way::small;
}

bool Writer::writable() const {
  pollfd one{fd_, POLLOUT, 0};
  return poll(&one, 1, 0) == 1;
}

Io Writer::write_some(std::string_view& bytes) const {
  if (way_ == Way::small && !writable()) return Io::blocked;
  ssize_t n = 0;
  switch (way_) {
    case Way::plain: n = write(fd_, bytes.data(), bytes.size()); break;
    case Way::small: n = write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF)); break;
    case Way::socket: n = send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); break;
  }
  Io io = outcome(n);
  if (io == Io::some) bytes.remove_prefix(static_cast<std::size_t>(n));
  return io;
}

void Outbox::add(std::string_view bytes) {
  if (empty()) {
    gone_ = 0;
    bytes_.clear();
    if (bytes_.capacity() > 4 * kChunk) bytes_.shrink_to_fit();
  }
  bytes_ += bytes;
}

Io Outbox::flush(const Writer& writer) {
  while (!empty()) {
    std::string_view rest = std::string_view(bytes_).substr(gone_);
    Io io = writer.write_some(rest);
    gone_ = bytes_.size() - rest.size();
    if (io != Io::some) return io;
  }
  return Io::some;
}

Io Lines::read(int fd) {
  Io io = read_some(fd, bytes_, kChunk);
  complete_ = io == Io::some;
  return io;
}

std::optional<Lines::Line> Lines::next() {
  std::size_t newline = bytes_.find('\n', seen_);
  if (newline == std::string::npos) {
    complete_ = false;
    overlong_ |= bytes_.size() > max_;
    if (overlong_) bytes_ = {};
    seen_ = bytes_.size();
    return std::nullopt;
  }
  Line line{.bytes = {}, .overlong = std::exchange(overlong_, false) || newline > max_};
  if (newline + 1 == bytes_.size() && !line.overlong) {
    line.bytes = std::exchange(bytes_, {});
  } else {
    if (!line.overlong) line.bytes = bytes_.substr(0, newline + 1);
    bytes_.erase(0, newline + 1);
  }
  seen_ = 0;
  return line;
}

}  // namespace notaus::gate
