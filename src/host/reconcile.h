// host/reconcile.h: what a page must say when the ledger says something else. Pure: the sync, the rebuild after a boot and their tests
// are one function.
#pragma once

#include <string>

#include "ledger/ledger.h"

namespace notaus::host {

// `known` is what this host has shown or kept so far (the page, else the durable file; epoch "" if it never knew anything), `read` is
// the ledger, `accounted` names those stops of `known` that do not stand in `read` and whose assertion the ledger has (host::assertion).
//
// In accord (same epoch, the ledger not older): the ledger's state, plus the stops it was not told of by then and those of this host
// alone, as local ones; their deadlines are those that this host counts already.
// Else the ledger is another one or was set back: everything known and everything read, fenced by epoch_changed or
// revision_went_back, still under the known epoch and revision, so that nothing but the right ledger lifts the fence.
core::State reconcile(const core::State& known, const core::State& read, const ledger::Revisions& accounted);

// For the operator; empty for Why::allowed.
std::string explain_fence(Why fence, const std::string& state_dir);

}  // namespace notaus::host
