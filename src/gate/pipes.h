// gate/pipes.h: bytes on their way in and out of a loop that must not block.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace notaus::gate {

enum class Io { some, blocked, closed };  // closed: end of file, or nobody reads any more

// What read(2) has now, after `into`, at most `at_most` bytes.
Io read_some(int fd, std::string& into, std::size_t at_most);

// A way to write without blocking to a descriptor that others share, whose flags are thus not ours to change.
class Writer {
 public:
  // `fd` is ours alone and non-blocking, or a standard stream.
  explicit Writer(int fd);

  // Writes a part of `bytes` and takes it off.
  Io write_some(std::string_view& bytes) const;

 private:
  enum class Way { plain, small, socket };
  [[nodiscard]] bool writable() const;
  Fd reopened_;
  int fd_;
  Way way_;
};

// Bytes that must go out, in order.
class Outbox {
 public:
  void add(std::string_view bytes);
  [[nodiscard]] bool empty() const { return bytes_.size() == gone_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size() - gone_; }
  Io flush(const Writer& writer);  // `blocked` unless all is gone

 private:
  std::string bytes_;
  std::size_t gone_ = 0;
};

// Cuts what comes in into lines of at most `max` bytes.
class Lines {
 public:
  explicit Lines(std::size_t max) : max_(max) {}

  struct Line {
    std::string bytes;      // with its newline
    bool overlong = false;  // then without its bytes
  };

  Io read(int fd);
  std::optional<Line> next();
  [[nodiscard]] bool full() const { return complete_; }  // perhaps a whole line waits: call next() before read()

 private:
  std::size_t max_;
  std::string bytes_;
  std::size_t seen_ = 0;  // no newline before it
  bool complete_ = false, overlong_ = false;
};

}  // namespace notaus::gate
