// page/publisher.h: writes the live page. Every flip of this host goes through publish().
//
// Owner:   whoever owns the state directory; several processes may publish, one at a time under flock(STATE/lock).
// Order:   the lock covers memory only (fill the idle half, flip the word, scan the slots) and points never take it, so a publisher
//          that dies or sleeps while it holds the lock delays other publishers and nobody else. A stop does not even wait for those:
//          after 50 ms it sets the latch.
// Never:   to a lower revision of the page's epoch.
#pragma once

#include <chrono>

#include "page/live_page.h"

namespace notaus::page {

// Holding flock(STATE/lock). Released at the end of its life, or of the process.
class PageLock {
 public:
  // retry: somebody else held it all the while.
  static Result<PageLock> take(const StateDir& state, std::chrono::milliseconds patience);

 private:
  explicit PageLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

class Publisher {
 public:
  // The page as it is. gone: there is none, or it is of another boot; broken: it is there and unusable; refused: not yours.
  static Result<Publisher> open(const StateDir& state);

  // A page that says `initial`, in place of whatever is there: what processes have mapped is retired first, and whoever stands on its
  // latch stands on the new one's. Needs the lock.
  static Result<Publisher> replace(const StateDir& state, const PageLock& lock, const core::State& initial);

  // What the page says now; with or without the lock. broken: its current half is damaged.
  [[nodiscard]] Result<core::State> current() const;
  [[nodiscard]] bool sound() const;  // can current() say something?

  // Flips to `next`, which the caller has reconciled with current() under this same lock. refused: it does not fit. A stop with a grace and
  // no deadline yet gets one, counted from now; what is returned is what the page says.
  Result<core::State> publish(const PageLock& lock, core::State next);

  // Adds one stop that no ledger has heard of, and flips. On a page that cannot hold it, a global stop_all is added instead.
  Result<core::State> add_local(const PageLock& lock, core::Stop stop);

  // Takes a local stop off the page again, if it is there; the others stay.
  Result<core::State> drop_local(const PageLock& lock, const std::string& id);

  // stop_all on this host, without the lock and without memory: one atomic addition. A stop that stands on the latch alone and a resume
  // that lifts it cannot miss each other, since every step of either moves the same word:
  //
  //   stop:    set = latch() -> store the stop -> keep(set); false: it was lifted meanwhile, and the stop begins anew
  //   resume:  seen = latch_word() -> read what is stored, publish it -> unlatch(seen); false: a stop set it or was kept, it reads anew
  std::uint64_t latch();  // what the word says since
  [[nodiscard]] bool keep(std::uint64_t set);
  [[nodiscard]] std::uint64_t latch_word() const { return page_.head().latch.load(); }
  [[nodiscard]] bool unlatch(const PageLock& lock, std::uint64_t seen);

  [[nodiscard]] bool latched() const { return denies(latch_word()); }
  [[nodiscard]] bool retired() const { return (latch_word() & kRetired) != 0; }

  // Wakes every watcher, to be called once the lock is let go. What moves the latch does it by itself.
  void wake();

  [[nodiscard]] std::uint64_t word() const { return page_.head().word.load(); }
  [[nodiscard]] std::uint64_t page_id() const { return page_.head().page_id; }

 private:
  explicit Publisher(LivePage page) : page_(std::move(page)) {}
  Result<core::State> flip(core::State state);

  LivePage page_;
};

}  // namespace notaus::page
