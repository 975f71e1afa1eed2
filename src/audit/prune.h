// audit/prune.h: records that are old enough go, whole bundles of them. Their hashes stay: every proof of what remains, and every checkpoint
// that was ever given away, goes on to hold. The log says that they went before they go; verify() takes nothing else for pruning.
#pragma once

#include "audit/log.h"

namespace notaus::audit {

struct Pruning {
  std::uint64_t from = 0, upto = 0;  // records; equal: none is old enough
};

// What would go of records from before this time (ISO 8601): as far as all are older, and none is in the write-ahead segment still.
Result<Pruning> prunable(const std::string& directory, const std::string& before);

// `record`: says so, with both numbers. Durable before anything goes.
Result<> prune(Log& log, const std::string& directory, const Pruning& what, const std::string& record);

}  // namespace notaus::audit
