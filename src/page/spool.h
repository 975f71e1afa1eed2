// page/spool.h: what a process has to report, on disk until somebody drains it into the log.
//
// A spool is a row of segment files STATE/spool/<process>.<number>, written by their process alone, zero-filled when they are made,
// and removed by the drainer once they are closed and read. A record is one JSON object. Nothing here is fsynced: recorded is not
// durable, the log's fsync is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "page/state_dir.h"

namespace notaus::page {

constexpr std::size_t kSegmentSize = 256 << 10;
constexpr std::size_t kSegments = 16;  // 4 MiB undrained, then a gap

// What a record tells of its process's slot file. Noted there only afterwards, so of a process that died the spool's last record may know
// more than the slot file does.
struct Mark {
  enum class Of : std::uint32_t { nothing, ring, tally, lost_calls, lost_denials };
  Of of = Of::nothing;
  std::uint32_t number = 0;  // of the tally
  std::uint64_t upto = 0;  // the ring's cells before this position; of the others, so many in all

  bool operator==(const Mark&) const = default;
};

// Writes. One thread at a time.
class Spool {
 public:
  Spool(StateDir state, std::string process) : state_(std::move(state)), process_(std::move(process)) {}

  // Refused: the spool is full and nobody drains it. Other trouble: the disk. Either way the record is not in the spool and the caller
  // counts it.
  Result<> append(std::string_view json, Mark mark = {});
  [[nodiscard]] const std::string& process() const { return process_; }
  void close();  // no more records: a drainer may remove the segment
  void close_in_child() { fd_ = Fd(); }

 private:
  Result<> next_segment();

  StateDir state_;
  std::string process_;
  Fd fd_;
  std::uint64_t number_ = 0;  // of the last segment; the first is 1
  std::uint64_t oldest_ = 1;  // none before it stands any more
  std::uint64_t at_ = 0;
};

struct SpoolRecord {
  std::string json;
  Mark mark;
};

struct Segment {
  std::string path, name, process;
  std::uint64_t number = 0;
  bool closed = false;
  bool owned = false;  // by a living process
  std::vector<SpoolRecord> records;  // from `from` on
  std::uint64_t end = 0;  // where the next read goes on
};

// Every segment of the state in order of process and number; nothing of their contents.
std::vector<Segment> list_segments(const StateDir& state);

// Fills records from offset `from` (0: the beginning). A damaged record ends the segment.
Result<> read_segment(Segment& segment, std::uint64_t from);

}  // namespace notaus::page
