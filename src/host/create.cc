#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "base/id.h"
#include "base/user.h"
#include "host/host.h"
#include "page/durable.h"

namespace notaus::host {
namespace {

Result<> make_lock(const page::StateDir& state) {
  auto fd = open_file(state.lock(), O_RDWR | O_CREAT, 0600);
  if (!fd) return std::unexpected(fd.error());
  return {};
}

bool refused(const Result<>& made) { return !made && made.error().kind == Kind::refused; }

// A directory with other people's files in it is not ours to fill.
Result<> check_empty(const page::StateDir& state) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(state.path, error)) {
    std::string name = file.path().filename().string();
    for (const char* ours : {"live", "spool", "log", "lock", "stops", "notaus.yaml"})
      if (name == ours) name.clear();
    if (!name.empty() && !name.starts_with("ledger.db") && !name.starts_with('.') && name != "STOP")
      return trouble(Kind::refused,
                     fmt::format("{}: not empty, and no Notaus state ({} is in it); choose another directory", state.path, name));
  }
  return {};
}

core::Action recovered(const core::Stop& stop, const std::string& by) {
  core::Action action = assertion(stop);
  action.by = by;
  action.uid = asking_user();
  action.at = wall_now();
  return action;
}

// Stops of the durable file that are not in `known`.
std::vector<core::Stop> stored_since(const page::StateDir& state, const core::State& known) {
  auto durable = page::read_durable(state);
  std::vector<core::Stop> out = durable ? durable->state.stops : std::vector<core::Stop>{};
  std::erase_if(
      out, [&](const core::Stop& stop) { return std::ranges::find(known.stops, stop.id, &core::Stop::id) != known.stops.end(); });
  return out;
}

}  // namespace

Result<Created> create(const Site& site) {
  const page::StateDir& state = site.state;
  if (page::exists(state)) return Created{};
  if (auto empty = check_empty(state); !empty) return std::unexpected(empty.error());
  if (auto made = page::make_directories(state); !made) return std::unexpected(made.error());
  if (auto made = make_lock(state); !made) return std::unexpected(made.error());
  // Whoever has the lock makes it; whoever comes second finds it made.
  auto lock = page::PageLock::take(state, std::chrono::seconds(10));
  if (!lock) return std::unexpected(lock.error());
  if (page::exists(state)) return Created{};
  if (auto made = ledger::create_sqlite(state.ledger()); !made && !refused(made)) return std::unexpected(made.error());
  if (auto log = audit::Log::open(site.log(), std::chrono::seconds(1)); !log) return std::unexpected(log.error());
  auto book = open_ledger(site, std::chrono::seconds(1));
  if (!book) return std::unexpected(book.error());
  auto initial = book.value()->read();
  if (!initial) return std::unexpected(initial.error());
  initial->on_fence = site.on_fence;
  if (auto page = page::Publisher::replace(state, *lock, *initial); !page) return std::unexpected(page.error());
  // Last, since it is what makes this a state: until it is there, the next one begins again.
  if (auto made = page::make_durable(state); !made && !refused(made)) return std::unexpected(made.error());
  if (auto wrote = page::write_durable(state, *initial, std::chrono::seconds(1)); !wrote) return std::unexpected(wrote.error());
  return Created{true};
}

Result<core::State> recover(const Site& site, const std::string& by) {
  const page::StateDir& state = site.state;
  auto lock = page::PageLock::take(state, std::chrono::seconds(5));
  if (!lock) return std::unexpected(lock.error());
  core::State kept;
  auto durable = page::read_durable(state);
  if (durable) kept = durable->state;
  if (auto page = page::Publisher::open(state)) {
    if (auto shown = page->current()) {
      std::ranges::copy(stored_since(state, *shown), std::back_inserter(shown->stops));
      kept = *std::move(shown);
    }
  }
  if (access(state.ledger().c_str(), F_OK) == 0) {
    std::string aside = fmt::format("{}.broken-{}", state.ledger(), iso8601(wall_now()));
    for (const char* tail : {"", "-wal", "-shm"})
      if (rename((state.ledger() + tail).c_str(), (aside + tail).c_str()) != 0 && errno != ENOENT)
        return std::unexpected(os_trouble(aside + tail, errno));
  }
  if (auto made = ledger::create_sqlite(state.ledger()); !made) return std::unexpected(made.error());
  auto book = open_ledger(site, std::chrono::seconds(1));
  if (!book) return std::unexpected(book.error());
  if (!kept.catalogue.empty()) {  // first, since approving is refused while a stop stands
    core::Action approve;
    approve.id = new_id();
    approve.by = by;
    approve.uid = asking_user();
    approve.at = wall_now();
    approve.reason = "recovered";
    approve.act = core::Act::approve;
    approve.effects = kept.catalogue;
    if (auto placed = book.value()->append(approve); !placed) return placed;
  }
  for (const core::Stop& stop : kept.stops)
    if (auto placed = book.value()->append(recovered(stop, by)); !placed) return placed;
  auto now = book.value()->read();
  if (!now) return now;
  now->on_fence = site.on_fence;
  auto page = page::Publisher::replace(state, *lock, *now);
  if (!page) return std::unexpected(page.error());
  // Who stood on the old page's latch by then is in the file; who comes later begins again on the new one.
  for (const core::Stop& stop : stored_since(state, kept))
    if (now) now = page->add_local(*lock, stop);
  if (!now) return now;
  if (!page::exists(state))
    if (auto made = page::make_durable(state); !made) return std::unexpected(made.error());
  if (auto wrote = page::write_durable(state, *now, std::chrono::seconds(1)); !wrote) return std::unexpected(wrote.error());
  return now;
}

}  // namespace notaus::host
