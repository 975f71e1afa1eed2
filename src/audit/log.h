// audit/log.h: this host's log of what happened: one JSON object a line, in STATE/log/records.jsonl, fsynced.
//
// Writer:  one at a time, the holder of STATE/log/lock; everyone else only spools.
// Exactly: each source (the ledger's actions, each spool segment, each dead process) has a cursor in STATE/log/cursor, and what is
//          logged from a source says how far it went; so after a crash between the two, open() reads the tail and goes on without a
//          record lost or doubled.
// Fields:  records.md beside this file. The file's format will become a transparency log (tlog-tiles); the records stay.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"

namespace notaus::audit {

// How far each source has been logged.
struct Cursor {
  std::uint64_t bytes = 0;  // of the log, when this was saved
  std::uint64_t number = 0;  // of the last record
  std::string epoch;  // whose actions are logged
  std::uint64_t revision = 0;  // of the last one
  std::map<std::string, std::uint64_t> spools;  // segment -> offset
  std::set<std::string> dead;  // processes whose slot files were logged and may still lie there

  bool operator==(const Cursor&) const = default;
};

// Where a record comes from. At most one field is set; a record of nobody's (a resume about to happen) has none.
struct Source {
  std::string epoch = {};  // with revision: an action of the ledger
  std::uint64_t revision = 0;
  std::string segment = {};  // with offset: up to there it is logged
  std::uint64_t offset = 0;
  std::string dead = {};  // a process
};

struct Record {
  std::string json;  // an object; "n" and "host" are added in front
  Source source = {};
};

class Log {
 public:
  // retry: another process held log/lock all the while. Makes log/ if there is none.
  static Result<Log> open(const std::string& directory, const std::string& host, std::chrono::milliseconds patience);

  [[nodiscard]] const Cursor& cursor() const { return cursor_; }

  // In order, durable when it returns; on Trouble none of them counts as logged, and this Log appends no more: a failed fsync is never
  // retried on the same file.
  Result<> append(const std::vector<Record>& records);

  // A source that needs no cursor any more: its file is gone.
  void forget_segment(const std::string& segment) { cursor_.spools.erase(segment); }
  void forget_dead(const std::string& process) { cursor_.dead.erase(process); }
  Result<> save_cursor();

 private:
  Log(std::string directory, std::string host, Fd lock, Fd file)
      : directory_(std::move(directory)), host_(std::move(host)), lock_(std::move(lock)), file_(std::move(file)) {}
  Result<> recover();
  void advance(const Source& source);

  std::string directory_, host_;
  Fd lock_, file_;
  Cursor cursor_;
  bool broken_ = false;
};

// The log as it stands, oldest first; reads only. A last line that is cut off is left out.
Result<std::vector<std::string>> read_log(const std::string& directory);

}  // namespace notaus::audit
