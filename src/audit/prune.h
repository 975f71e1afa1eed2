// audit/prune.h: records that are old enough go, whole bundles of them. Their hashes stay: every proof of what remains, and every checkpoint
// that was ever given away, goes on to hold. The log says that they went before they go; verify() takes nothing else for pruning.
#pragma once

#include "audit/log.h"

namespace notaus::audit {

// What stays of a log. Records go that neither limit keeps.
struct Stays {
  std::string since = {};  // ISO 8601: records from then on; empty: their age does not keep them
  std::uint64_t bytes = 0;  // the newest ones, so many bytes of bundles; 0: their number does not keep them
};

struct Pruning {
  std::string log = {};  // its name: another one may be in its place before anything has gone
  std::uint64_t from = 0, upto = 0;  // records; equal: none may go
  std::string last = {};  // when the last that goes was written
  std::string old = {}, young = {};  // when the last one before Stays::since was, and the first one since; empty: there is none
  [[nodiscard]] std::uint64_t count() const { return upto - from; }
};

// What would go: from the first record on, as far as nothing keeps it and it is not in the write-ahead segment still. Reads all that
// is old, and waits for nobody.
Result<Pruning> prunable(const std::string& directory, const Stays& stays);

// `record`: says so, with both numbers. Durable, and under a checkpoint, when it returns; else nothing may go. gone: it is another log.
Result<> announce(Log& log, const Pruning& what, const std::string& record);

// What was announced. Needs no lock: nobody reads what is to go, and whoever is killed here is finished by the next one.
Result<> remove_bundles(const std::string& directory, const Pruning& what);

}  // namespace notaus::audit
