// audit/cursor.h: how far each source of records has been logged.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

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
  std::set<std::string> dead;  // processes whose slot files were logged and may still lie there

  void advance(const Source& source);
  [[nodiscard]] std::string text() const;
  static Cursor of(const std::string& text);  // an empty one of what is no cursor's text

  bool operator==(const Cursor&) const = default;
};

}  // namespace notaus::audit
