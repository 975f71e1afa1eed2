// audit/log.h: this host's log, as its one writer sees it: a transparency log (c2sp.org/tlog-tiles) of JSON objects.
//
// Writer:  one at a time, the holder of STATE/log/lock; everyone else only spools. Whoever reads uses a View.
// Durable: append() returns when its records, the checkpoint that covers them and the cursor they leave are in the write-ahead
//          segment: one write, one fsync. Tiles and the file `checkpoint` follow from that and are made again if they get lost.
// Exactly: what is logged from a source and how far that went are one frame, so after a crash no record is lost or doubled.
// Fails:   what cannot be continued (cut off, rolled back, its key gone) is kept under log/ended-…, and a new log begins that says so.
#pragma once

#include <chrono>
#include <vector>

#include "audit/cursor.h"
#include "audit/life.h"
#include "audit/standing.h"

namespace notaus::audit {

struct Record {
  std::string json;  // an object; "n" and "host" are added in front
  Source source = {};
};

class Log {
 public:
  // retry: another process held log/lock all the while. Makes log/ if there is none.
  static Result<Log> open(const Place& place, std::chrono::milliseconds patience);

  [[nodiscard]] const Cursor& cursor() const { return cursor_; }
  [[nodiscard]] const std::string& name() const { return signer_.name; }
  [[nodiscard]] std::uint64_t size() const { return edge_.tree().size(); }
  [[nodiscard]] const std::string& checkpoint() const { return checkpoint_; }  // a signed note, of all that was appended

  // In order, durable when it returns; on Trouble none of them counts as logged.
  Result<> append(const std::vector<Record>& records);

  // Sources that need no cursor any more, since their files are gone. Kept with the next append.
  void forget_segment(const std::string& segment) { cursor_.spools.erase(segment); }
  void forget_dead(const std::string& process) { cursor_.dead.erase(process); }

  // Begins the next write-ahead segment if this one has grown large. Waits for the disk longer than an append does: not for a stop.
  Result<> settle();

 private:
  Log(Place place, Fd lock) : place_(std::move(place)), lock_(std::move(lock)) {}

  // recover.cc
  Result<> take_up();
  Result<> go_on(Standing found);
  Result<> begin(const std::string& why);
  [[nodiscard]] std::string why_lost() const;
  [[nodiscard]] std::string contradiction(const Standing& found) const;

  [[nodiscard]] Result<std::string> sign_root(const Tree& tree) const;
  void add_to_index(std::uint64_t end, const Files& full) const;
  Result<> write_ahead(const Frame& frame);
  Result<> publish();
  Result<> next_segment();
  Result<> make_segment(std::uint64_t number);
  [[nodiscard]] Frame first_frame() const;
  [[nodiscard]] std::string path(std::string_view file) const { return place_.directory + "/" + std::string(file); }

  Place place_;
  Fd lock_;
  Signer signer_;
  std::optional<Segment> segment_;  // nothing: the last one failed
  bool gone_ = false;  // the log that this one was opened on is not there any more
  Edge edge_;
  Cursor cursor_;
  std::string checkpoint_;
  Files unwritten_;  // what follows from the segment and is not in its files yet
};

}  // namespace notaus::audit
