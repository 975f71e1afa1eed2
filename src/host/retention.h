// host/retention.h: how long records stay in the log. They go by command, or while `notaus up` runs if the configuration says how long they
// are kept; in both cases a record of it comes first.
#pragma once

#include <functional>

#include "audit/prune.h"
#include "host/host.h"

namespace notaus::host {

struct Retention {
  std::string text = {};  // as somebody wrote it: "90d"
  std::chrono::seconds age{0};  // younger ones stay; 0: their age does not keep them
  std::uint64_t bytes = 0;  // the newest ones stay, so many; 0: their number does not keep them
  [[nodiscard]] bool any() const { return !text.empty(); }
  bool operator==(const Retention&) const = default;
};

// What of the log that means today.
audit::Stays stays_of(const Retention& retention, WallTime now);

// What somebody who looked on would have stopped. Empty: nothing. A clock that is wrong makes all records old, and shows by a gap: nobody
// wrote anything for longer than records are kept.
std::string doubt(const audit::Pruning& what, const Retention& retention, WallTime now);

// Who has it done, for the record.
struct Pruner {
  std::string by = {};
  std::uint32_t uid = 0;
  std::string keep = {};  // as they said it
};

// Looks without the log's lock, since that may take long; holds it while the record is made durable; removes without it again. What went.
// Any trouble: before the record is durable nothing has gone. `objects`: why not, of what would go; empty: nothing is wrong with it.
Result<audit::Pruning> prune(const Site& site, const audit::Stays& stays, const Pruner& who, Patience patience,
                             const std::function<std::string(const audit::Pruning&)>& objects);

}  // namespace notaus::host
