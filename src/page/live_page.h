// page/live_page.h: the live page as a mapping, and what is read from it.
//
// Threads: every member may be called from any thread. A LivePage opened for reading is mapped read-only.
#pragma once

#include <optional>

#include "base/fd.h"
#include "core/snapshot.h"
#include "page/layout.h"
#include "page/state_dir.h"

namespace notaus::page {

// Why a page cannot be used: `why` is what a guard denies with.
struct PageTrouble {
  Why why;
  std::string what;
};

enum class Access { read, write };

class LivePage {
 public:
  // page_missing (none, or of another boot), page_version, page_owner (not the state directory's owner's, or others may write it),
  // page_torn (not a page).
  static std::expected<LivePage, PageTrouble> open(const StateDir& state, Access access) {
    return open(state, state.page(), access);
  }
  static std::expected<LivePage, PageTrouble> open(const StateDir& state, const std::string& path, Access access);

  LivePage(LivePage&& other) noexcept : base_(std::exchange(other.base_, nullptr)), device_(other.device_), inode_(other.inode_) {}
  LivePage& operator=(LivePage&&) = delete;
  ~LivePage();

  [[nodiscard]] const PageHead& head() const { return *reinterpret_cast<const PageHead*>(base_); }
  [[nodiscard]] PageHead& head() { return *reinterpret_cast<PageHead*>(base_); }  // Access::write
  [[nodiscard]] std::byte* half(std::uint64_t word) { return base_ + half_at(word); }

  // The snapshot published under `word`, its checksum verified. Broken: it is damaged, or was overwritten meanwhile.
  [[nodiscard]] Result<core::Snapshot> verify(std::uint64_t word) const;

  // The same bytes, already verified under this word.
  [[nodiscard]] core::Snapshot trust(std::uint64_t word) const;

  // Is it this word's page still? Asked after its half was read. False: flips went over what was read, and it may be anything, also
  // part of a page that nobody has shown yet and nobody will, if its publisher has died.
  [[nodiscard]] bool shows(std::uint64_t word) const;

  // What `read(word)` says of the page, asked until no flip goes over its reading. For who may wait: a guard gives up and denies.
  template <class Read>
  [[nodiscard]] auto steadily(Read read) const {
    while (true) {
      const std::uint64_t word = head().word.load();
      auto out = read(word);
      if (shows(word)) return out;
    }
  }

  // Puts zeros in the mapping's place, atomically for who reads it: no word, so nothing is admitted under it any more, and the
  // process is no longer seen to hold a page that nobody publishes.
  void abandon();

  // Is this still the file at the state's path? False: it was deleted or replaced under us.
  [[nodiscard]] bool in_place(const StateDir& state) const;

 private:
  LivePage(std::byte* base, std::uint64_t device, std::uint64_t inode) : base_(base), device_(device), inode_(inode) {}

  std::byte* base_;
  std::uint64_t device_, inode_;
};

}  // namespace notaus::page
