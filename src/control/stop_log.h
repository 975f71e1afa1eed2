// control/stop_log.h: what a stop leaves in the audit log besides the ledger's action: this host's ack, and each call it found in flight.
//
// A stop never waits for the log. So its records go into a spool first, which costs no fsync and which whoever drains next would find,
// and from there into the log, exactly once, if the log is to be had at once.
#pragma once

#include <chrono>

#include "control/flip.h"
#include "control/report.h"
#include "host/host.h"

namespace notaus::control {

constexpr auto kAuditPatience = std::chrono::milliseconds(50);

// `book` has the stop; nothing: it could not be told. The checkpoint that covers the records. Trouble: they are not (all) in the log yet.
Result<std::string> log_stop(const host::Site& site, const Report& report, Latch latch, ledger::Ledger* book);

// That a latch was lifted, which is no action of the ledger. As above; waits for the log up to `patience`.
Result<std::string> log_lifted(const host::Site& site, const core::Action& resume, std::uint64_t revision, ledger::Ledger& book,
                               host::Patience patience);

// A later finding: a point turned out to be silent. Spooled only.
void spool_ack(const host::Site& site, const Report& report);

}  // namespace notaus::control
