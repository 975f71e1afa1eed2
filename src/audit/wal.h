// audit/wal.h: the write-ahead segment: where an append becomes durable, with one write and one fsync.
//
// A segment is a row of frames, each a batch of entries with the signed checkpoint that covers them and the cursor they leave. A frame
// counts whole or not at all, so after a crash at any byte a batch is logged with its checkpoint and its cursor, or nothing of it is.
// The first frame has no new entries: it holds where the log stood, so that a segment alone says how the log goes on. All other
// files follow from it.
#pragma once

#include <vector>

#include "base/fd.h"

namespace notaus::audit {

struct Frame {
  std::uint64_t size = 0;  // of the log with it
  std::string boot = {};  // of the kernel that ran when it was written: the files that follow from it may be lost in another one
  std::string checkpoint = {};  // signed, of `size`
  std::string cursor = {};
  std::string entries = {};  // a bundle; in the first frame those of the bundle that is not full
  std::vector<std::string> upper = {};  // first frame: the tiles above the leaves that are not full
};

// Kind::broken is left for contents that are wrong: what the machine does not give today, for want of descriptors say, it may give tomorrow.
Trouble unreadable(Trouble why);

// Makes durable what has which name in it.
Result<> sync_directory(const std::string& path);

class Segment {
 public:
  // Durable with its first frame when it returns, or not there. Replaces nothing.
  static Result<Segment> make(const std::string& path, const Frame& first);

  // broken: its first frame is not whole. Its whole frames, and what is behind them: a write that was cut off.
  struct Found;
  static Result<Found> open(const std::string& path, int flags);

  // Durable when it returns. gone: the file was removed or replaced. On any Trouble it does not count as written, and nothing may be
  // appended to this segment any more: after a failed fsync the kernel may say of the next one that all is well.
  Result<> append(const Frame& frame);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t bytes() const { return end_; }

 private:
  Segment(std::string path, Fd file, std::uint64_t end) : path_(std::move(path)), file_(std::move(file)), end_(end) {}
  [[nodiscard]] Result<> still_there() const;

  std::string path_;
  Fd file_;
  std::uint64_t end_;  // of the last whole frame
};

struct Segment::Found {
  Segment segment;
  std::vector<Frame> frames;
  std::uint64_t cut_bytes = 0;
};

}  // namespace notaus::audit
