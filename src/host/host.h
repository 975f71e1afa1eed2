// host/host.h: one machine's loop: ledger -> live page down, slots and spools -> audit log up. Without a daemon every command turns
// it once.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "audit/log.h"
#include "core/state.h"
#include "ledger/ledger.h"
#include "page/publisher.h"
#include "page/scan.h"

namespace notaus::host {

using Patience = std::chrono::milliseconds;

struct Site {
  page::StateDir state;
  std::string host;  // this machine's name in answers and records
  core::OnFence on_fence = core::OnFence::disable_writes;
};

// --- making a state ------------------------------------------------------------------------------------------------------------

struct Created {
  bool fresh = false;  // false: it was there already, complete
};

// Directories, keys, durable file, an empty ledger, a page. Safe against itself run at the same moment: one state comes of it.
// refused: what stands at the path is not empty and no state.
Result<Created> create(const Site& site);

// A new ledger with a new epoch from what this host still knows: every stop of the page and the durable file. The old ledger file is
// kept beside it. Returns the new state.
Result<core::State> recover(const Site& site, const std::string& by);

// --- down: the page ------------------------------------------------------------------------------------------------------------

// What the page says, and whether that is what the ledger says.
struct View {
  core::State state;
  bool ledger_read = false;  // false: `state` is the page's alone, see `warning`
  bool rebuilt = false;  // there was no usable page
  std::string warning = {};
};

// The page, ready to be written; rebuilt from ledger and durable file if there is none or it is damaged. Whatever is known to be
// stopped stays stopped; what cannot be known is denied (State::fence). refused: not this user's to write.
struct Opened {
  page::Publisher publisher;
  bool rebuilt;
};
Result<Opened> open_page(const Site& site, Patience patience);

// Brings page and ledger together: local stops go into the ledger, the ledger's state onto the page. Tightens even when the ledger is
// unreadable; then View::ledger_read is false.
Result<View> sync(const Site& site, Patience patience);

// Publishes the ledger's state, `read` or a newer one, reconciled with what the page shows by then; returns what it now shows. `settled`
// are local stops that have done their work.
Result<core::State> publish(const Site& site, const page::PageLock& lock, page::Publisher& publisher, ledger::Ledger& book,
                            core::State read, const std::set<std::string>& settled);

// The same, under a lock of its own.
Result<core::State> publish(const Site& site, page::Publisher& publisher, ledger::Ledger& book, core::State read,
                            const std::set<std::string>& settled, Patience patience);

// Puts a stop that only this host's page knows into the ledger, under the stop's own id, so that two commands that do it store it once.
Result<core::State> store_local(ledger::Ledger& book, const core::Stop& stop);

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Site& site, Patience patience);

// --- up: the facts -------------------------------------------------------------------------------------------------------------

// Actions the log does not have yet, and, with the same fsync, what lies in the spool of that name; durable when it returns.
Result<> log_actions(const Site& site, audit::Log& log, ledger::Ledger& book, const std::string& spool = {});

// log_actions(), then every spool, then the calls of dead processes, whose files it removes. retry: another process is at it.
Result<> drain(const Site& site, Patience patience);

}  // namespace notaus::host
