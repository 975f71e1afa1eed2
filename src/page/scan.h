// page/scan.h: a publisher's view of everybody's slot files. It reads copies and trusts nothing in them: a file may be truncated,
// replaced, or written to meanwhile. One that cannot be read whole is a silent point.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "page/entry.h"
#include "page/state_dir.h"

namespace notaus::page {

struct SeenCall {
  std::string process;
  std::uint32_t slot;
  std::uint64_t word;  // as claimed: active
  Entry entry;
  Outcome outcome = Outcome::running;  // running: it was in flight when it was seen

  [[nodiscard]] std::string id() const;
  [[nodiscard]] Call call() const { return call_of(entry); }  // views into this
};

struct SeenPoint {
  std::string process, name, tenant, agent;
  std::int64_t started_ms = 0;
  std::uint64_t page_id = 0;
  std::int32_t pid = 0;
  bool admission_only = false;
  bool sentinel = false;  // denies by itself, since it has seen the file STOP
  std::uint64_t rounds = 0;  // of its watcher, see SlotsHead
  bool alive = false;     // someone holds its owner lock
  bool left = false;      // in order, while it was scanned or before (see control/departed.h)
  std::string trouble;    // not empty: it could not be read, and nothing else here is known
  std::vector<SeenCall> calls;        // in flight, or ended and not yet recorded
};

// Reads every slot file. With `flipped`, the word of a flip that the caller made just before, and no flip since (it holds the lock):
// `calls` has every call that was in flight at the flip, those too that ended before we came to look; a call that is not in it meets
// the flip. A point of which that cannot be said has a trouble.
std::vector<SeenPoint> scan(const StateDir& state, std::uint64_t flipped = 0);

// The calls in the ring of one process that have ended, and when; empty if it cannot be read.
struct EndedCall {
  SeenCall call;
  Moment at;
};
std::vector<EndedCall> ended_in_ring(const StateDir& state, const std::string& process);

// The names of all slot files, whoever's they are.
std::vector<std::string> slot_files(const StateDir& state);

// The names of calls that stood in the slots of those of them that live lately, in flight or not. Reads whole files.
std::vector<Entry> recent_calls(const StateDir& state, const std::vector<SeenPoint>& points);

// How a call that a scan saw has ended by now: from its slot, else from the ring, else from the spool. running: its slot still has
// it; not_sent also of one that had asked when it was seen, and was denied; unknown: its process died with it, or its record is gone.
Outcome outcome_now(const StateDir& state, const SeenCall& call);

// For the drainer of a dead process: the whole file, copied. gone/broken as scan.
Result<std::unique_ptr<SlotsFile>> read_slots(const StateDir& state, const std::string& process, bool& alive);

}  // namespace notaus::page
