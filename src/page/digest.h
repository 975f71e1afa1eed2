// page/digest.h: tells that two calls of one tenant had the same arguments, and nothing else about them.
//
// Each tenant has a random key, a file in live/keys that is made when the tenant first calls. Who removes it makes all digests under it
// unlinkable: to arguments, to later digests, and to each other's meaning. A process that has read it forgets it within a second.
//
// Threads: any. The first call of a tenant in a process reads its key, and makes it if there is none; the others find it in memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "page/state_dir.h"

namespace notaus::page {

class DigestKeys {
 public:
  explicit DigestKeys(StateDir state) : state_(std::move(state)) {}

  // Keyed BLAKE2b (RFC 7693), 16 bytes. Zero, which records leave out: there are no arguments, or no key is to be had (it is another
  // user's to read, or there are more tenants than a process keeps keys of).
  [[nodiscard]] std::array<std::uint64_t, 2> digest(std::string_view tenant, std::string_view args);

  // Reads its key, so that its first call need not.
  void expect(std::string_view tenant) { (void)find(tenant); }

  // For the watcher: keys whose files are gone are forgotten.
  void forget_destroyed();

 private:
  static constexpr std::size_t kCells = 256;
  static constexpr std::size_t kMost = 192;

  struct Key {
    std::string tenant;
    std::string bytes;  // none: it could not be had
  };

  const Key* find(std::string_view tenant);
  const Key* read(std::string_view tenant);
  [[nodiscard]] std::string obtain(std::string_view tenant) const;
  [[nodiscard]] std::string path(std::string_view tenant) const;

  StateDir state_;
  std::array<std::atomic<const Key*>, kCells> cells_{};  // by hash of the tenant, the next free one behind it
  std::mutex mutex_;  // everything below
  std::deque<Key> keys_;  // also those that were forgotten: another thread may be hashing with one
  std::size_t known_ = 0;  // in cells_
};

}  // namespace notaus::page
