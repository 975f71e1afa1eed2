// audit/standing.h: where a log stands, as its newest write-ahead segment says. Reads only; writer and verifier both begin with it.
#pragma once

#include "audit/note.h"
#include "audit/tiles.h"
#include "audit/wal.h"

namespace notaus::audit {

struct Standing {
  Segment segment;
  std::uint64_t base = 0;  // entries whose files were durable when the segment began
  Edge edge = {};
  Files files = {};  // that follow from the segment, as of its end
  std::string checkpoint = {};  // signed, of its end
  std::string cursor = {};
  std::string boot = {};
  std::uint64_t cut_bytes = 0;
  bool begun = false;  // and nothing was appended to it yet: the log's first segment, as it was made
};

// gone: there is no segment. retry: the machine does not let us look. broken: the newest one's beginning is damaged and there is no other, or it does not come to the root that it
// signs.
Result<Standing> read_standing(const std::string& directory, const Verifier& by, int flags);

std::string segments_in(const std::string& directory);
std::string segment_path(const std::string& directory, std::uint64_t number);
std::uint64_t number_of(const std::string& segment);
Result<std::vector<std::string>> list_segments(const std::string& directory);  // paths, newest first; gone: no directory

// A segment to which an append failed: it may be read, and nothing is written to it again.
constexpr std::string_view kCondemned = ".failed";

}  // namespace notaus::audit
