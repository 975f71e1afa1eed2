// audit/cursor.h: how far each source of records has been logged.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace notaus::audit {

// Where a record comes from. At most one of the three is set; a record of nobody's (a resume about to happen) has none.
struct Source {
  std::string epoch = {};  // with revision: an action of the ledger
  std::uint64_t revision = 0;
  std::string segment = {};  // with offset: up to there the spool is logged
  std::uint64_t offset = 0;
  std::string dead = {};  // a process
};

struct Cursor {
  std::string epoch;  // whose actions are logged
  std::uint64_t revision = 0;  // of the last one
  std::map<std::string, std::uint64_t> spools;  // segment -> offset
  // The sum over the log: calls that were denied; denials of which only the number is known; calls of which a kill left it unknown.
  std::uint64_t denied = 0, lost = 0, in_doubt = 0;
  std::set<std::string> dead;  // processes whose slot files were logged and may still lie there

  void advance(const Source& source);
  void count(std::string_view record);
  [[nodiscard]] std::string text() const;
  static Cursor of(const std::string& text);  // an empty one of what is no cursor's text

  bool operator==(const Cursor&) const = default;
};

}  // namespace notaus::audit
