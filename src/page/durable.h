// page/durable.h: the file `stops`, which brings a host's stops through a reboot.
//
// Two halves, each a snapshot image behind a numbered head; a write goes to the half that is not the newest, in place, so it needs no
// free space and a torn write leaves the older half. Read only when a live page is rebuilt, together with the ledger.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "core/state.h"
#include "page/state_dir.h"

namespace notaus::page {

struct Durable {
  core::State state;
  // The newest half is damaged, this is the older one: to be believed only if the ledger confirms it.
  bool older = false;
};

// An empty file, both halves zero.
Result<> make_durable(const StateDir& state);

// gone: there is no file, or nothing was ever written; broken: no half can be read.
Result<Durable> read_durable(const StateDir& state);

// Durable when it returns. A file that already has a newer revision of the same epoch keeps it. Local stops, of the file and of `stops`, all
// stay: its writer may have been the only one that knew them. Only those whose ids are in `told` go: the ledger has heard of them, and
// answers for them. One writer at a time (flock on the file); `patience` bounds the wait for it. retry: it took longer.
Result<> write_durable(const StateDir& state, const core::State& stops, std::chrono::milliseconds patience,
                       const std::set<std::string>& told = {});

}  // namespace notaus::page
