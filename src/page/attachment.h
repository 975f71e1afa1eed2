// page/attachment.h: one process at one live page: asks it, and keeps the calls it admitted.
//
// The heart of Notaus: admit() is the guard's half of "Who sees whom" in slots.h, publisher.cc has the other.
// Threads: all members from any thread. Nothing here allocates on the way to a Permit, makes a system call or waits, but for the key of a
// tenant that was not expected.
#pragma once

#include <memory>
#include <optional>

#include <notaus/guard.hpp>

#include "page/cancel.h"
#include "page/digest.h"
#include "page/live_page.h"
#include "page/slots.h"
#include "page/tallies.h"

namespace notaus::page {

// What this process has seen of the ledger's life; a page that contradicts it is not believed. Outlives every Attachment.
struct Witness {
  std::atomic<std::uint64_t> epoch{0};  // hash of the first epoch seen, 0 none yet
  std::atomic<std::uint64_t> revision{0};
};

struct Answer {
  Why why = Why::page_torn;
  std::uint64_t word = 0;
  std::uint64_t revision = 0;
  bool write = true;
  bool remember = false;  // the verdict holds as long as the word does
  std::string stop = {};  // id, when denied
};

class Attachment {
 public:
  Attachment(LivePage page, std::unique_ptr<Slots> slots, Witness& witness, const bool* alive, StateDir state)
      : page_(std::move(page)),
        slots_(std::move(slots)),
        witness_(witness),
        alive_(alive),
        state_(std::move(state)),
        keys_(state_),
        tallies_(*slots_) {
    (void)unsound(page_.head().word.load());  // from here on it knows its ledger, also before its first call
  }

  // Permit | Denial. `now_ms` is the wall time that a stop will list the call with.
  Admission admit(const Call& call, std::int64_t now_ms);
  Admission admit(Lane& lane, std::string_view args, std::int64_t now_ms);

  [[nodiscard]] Answer ask(const Call& call) const noexcept;
  [[nodiscard]] Denial denial(const Answer& answer, std::string_view tool) const;

  // For a Permit.
  std::optional<Denial> recheck(const Claim& claim, std::uint64_t word);
  void finish(const Claim& claim, std::uint64_t word, Outcome outcome);
  [[nodiscard]] std::string id(const Claim& claim) const;
  [[nodiscard]] std::optional<Cancellation> cancellation(const Claim& claim) const;
  [[nodiscard]] std::stop_token stop_token(const Claim& claim);

  // Does the page hold a stop of this actor? Not on the way of a call.
  [[nodiscard]] bool stopped_by(std::string_view actor) const;

  // While true, every re-check denies with stop_all; admissions are the Point's to deny.
  void stand_aside(bool aside) { aside_.store(aside); }

  // For the watcher: see Cancels::ask.
  std::optional<BootTime> ask_to_stop(BootTime now);

  // A call that was turned away without being asked about.
  void refused(const Call& call, std::string_view why, std::int64_t now_ms);

  // A denial that has no slot: the table is full.
  void count_denial(const Call& call, const Answer& answer);

  LivePage& page() { return page_; }
  Slots& slots() { return *slots_; }
  Tallies& tallies() { return tallies_; }
  DigestKeys& keys() { return keys_; }
  [[nodiscard]] bool alive() const { return *alive_; }

  // Called when the watcher is wanted soon. Set once, before the first call.
  std::function<void()> nudge;

 private:
  Permit permit(const Claim& claim, const Answer& answer, const Call& call);
  Permit permit(const Claim& claim, Entry& entry, std::uint64_t word);
  void write_digest(Entry& entry, std::string_view tenant, std::string_view args);
  std::unique_ptr<Denial> deny(const Claim& claim, const Answer& answer, const Call& call);
  void record_denial(const Claim& claim, const Answer& answer);
  std::optional<Why> unsound(std::uint64_t word) const;

  LivePage page_;
  std::unique_ptr<Slots> slots_;
  Witness& witness_;
  const bool* alive_;  // false in a forked child: these slots are the parent's
  StateDir state_;
  DigestKeys keys_;
  mutable std::atomic<std::uint64_t> verified_{0};
  std::atomic<bool> aside_{false};
  Tallies tallies_;
  Cancels cancels_;
};

}  // namespace notaus::page
