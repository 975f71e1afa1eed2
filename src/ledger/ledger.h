// ledger/ledger.h: where stops live for all hosts.
//
// Contract: read() is linearizable and whole, never a delta. append() stores the action and the state after it in one atomic step of
// the store; it is durable when it returns; a second append of the same action id changes nothing. tests/ledger holds every
// implementation to it.
// Threads:  one thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/action.h"

namespace notaus::ledger {

struct Entry {
  std::uint64_t revision;
  core::Action action;
};

using Revisions = std::map<std::string, std::uint64_t>;  // by an action's id

class Ledger {
 public:
  virtual ~Ledger() = default;

  virtual Result<core::State> read() = 0;

  // The state right after the action, whose revision is the action's. Refused or gone: core::apply() says no; nothing is stored.
  virtual Result<core::State> append(const core::Action& action) = 0;

  // Actions after `revision`, in order; 0 for all.
  virtual Result<std::vector<Entry>> actions(std::uint64_t after) = 0;

  // Those of these actions that it has, each with its revision.
  virtual Result<Revisions> accounted(const std::vector<std::string>& actions) = 0;
};

// The embedded ledger: one SQLite file, for one host. gone: there is none (only create_sqlite makes one); broken: it is no ledger or
// damaged. `patience` bounds the wait for another writer.
Result<std::unique_ptr<Ledger>> open_sqlite(const std::string& path, std::chrono::milliseconds patience);

// A new ledger with a new epoch and no actions, visible whole or not at all. Refused: there is one.
Result<> create_sqlite(const std::string& path);

}  // namespace notaus::ledger
