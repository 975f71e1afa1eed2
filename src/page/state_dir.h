// page/state_dir.h: where one Notaus keeps its files, and how it is found without being told.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace notaus::page {

struct StateDir {
  std::string path;  // absolute

  [[nodiscard]] std::string file(std::string_view name) const { return path + "/" + std::string(name); }
  [[nodiscard]] std::string page() const { return file("live/page"); }
  [[nodiscard]] std::string slots() const { return file("live/slots"); }
  [[nodiscard]] std::string keys() const { return file("live/keys"); }
  [[nodiscard]] std::string spool() const { return file("spool"); }
  [[nodiscard]] std::string durable() const { return file("stops"); }
  [[nodiscard]] std::string lock() const { return file("lock"); }
  [[nodiscard]] std::string ledger() const { return file("ledger.db"); }
  [[nodiscard]] std::string config() const { return file("notaus.yaml"); }
  [[nodiscard]] std::string sentinel() const { return file("STOP"); }
  [[nodiscard]] std::string log() const { return file("log"); }
  [[nodiscard]] std::string seen_checkpoint() const { return file("live/checkpoint"); }  // the log's last one, kept apart from it
};

constexpr const char* kSystemState = "/var/lib/notaus";

// `asked` (--state), else $NOTAUS_STATE, else /var/lib/notaus if it exists, else ~/.local/state/notaus. The directory need not exist.
// Refused: it is there and may not be entered; never another one instead.
Result<StateDir> find_state(const std::string& asked);

// Every place find_state() looks when nothing is asked, in order, for a message.
std::vector<std::string> default_places();

// An initialised state has a ledger or had one: `stops` is made by init and never removed.
bool exists(const StateDir& state);

// Makes the directories with their modes, and `live` as a link to /run/notaus for the system state. Idempotent. live/ and spool/
// are remade after a boot.
Result<> make_directories(const StateDir& state);

// A file of `size` zero bytes at `path`, really allocated (a hole could fail later on a full disk), that appears whole or not at all
// and replaces nothing: Kind::refused if `path` exists. The descriptor is open for reading and writing.
// With `lock`, it is held by an OFD write lock before it becomes visible: see owned().
enum class Lock { none, owner };
Result<Fd> make_file(const std::string& path, std::size_t size, unsigned mode, Lock lock = Lock::none);
Result<Fd> make_file(const std::string& path, std::string_view content, unsigned mode);

// What a process that was killed while it made a file left of it in live/slots and spool. Files being made stay.
void remove_drafts(const StateDir& state);

// Does a living process hold the file's owner lock? Asks and takes nothing; pids are not compared, so it holds across namespaces.
bool owned(int fd);

std::uint64_t time_namespace();  // 0 if the kernel has none

}  // namespace notaus::page
