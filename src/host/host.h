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
  std::string fleet = {};

  [[nodiscard]] audit::Place log() const { return {state.log(), host, fleet, state.seen_checkpoint()}; }
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
  std::unique_ptr<ledger::Ledger> book = {};  // the ledger, as it was read; none: `state` is the page's alone, see `warning`
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
// unreadable; then there is no View::book.
Result<View> sync(const Site& site, Patience patience);

// Publishes the ledger's state, `read` or a newer one, reconciled with what the page shows by then; returns what it now shows.
Result<core::State> publish(const Site& site, const page::PageLock& lock, page::Publisher& publisher, ledger::Ledger& book,
                            core::State read);

// The same, under a lock of its own.
Result<core::State> publish(const Site& site, page::Publisher& publisher, ledger::Ledger& book, core::State read,
                            Patience patience);

// The durable file follows a page that was loosened: what the ledger has heard of goes from it, unless the page shows it.
Result<> write_durable(const Site& site, ledger::Ledger& book, const core::State& shown, Patience patience);

// A file STOP in the state directory, or a process that has seen one, stops everything on this host: places the record, unless it stands.
Result<> heed_sentinel(const Site& site, page::Publisher& publisher, Patience patience);

// The action that tells the ledger of a stop on the page. Its id is the one the stop has there, so that it is told once, whoever tells it,
// and everyone can see that it was; a repeat asserts the stop it repeats.
core::Action assertion(const core::Stop& stop);

// Appends it (of a stop of this host alone: to the ledger's actions, not its state). `uid`: who asks for it, if it is this process.
Result<core::State> store_local(const Site& site, ledger::Ledger& book, const core::Stop& stop,
                                std::optional<std::uint32_t> uid = {});

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Site& site, Patience patience);

// --- up: the facts -------------------------------------------------------------------------------------------------------------

// This host's log, to write to it; what its cursor knows of sources that are gone by now is forgotten with the next append.
Result<audit::Log> open_log(const Site& site, Patience patience);

// Actions the log does not have yet, and, with the same fsync, what lies in the spool of that name; durable when it returns.
Result<> log_actions(const Site& site, audit::Log& log, ledger::Ledger& book, const std::string& spool = {});

// log_actions(), then every spool, then the calls of dead processes, whose files it removes. retry: another process is at it.
Result<> drain(const Site& site, Patience patience);

}  // namespace notaus::host
