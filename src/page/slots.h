// page/slots.h: this process's calls in flight, in a file that stops read and nobody else writes.
//
// Who sees whom. A guard claims a slot BEFORE it reads the page word; a publisher flips the word BEFORE it reads the slots; all four
// are seq_cst, so they have one order:
//
//   guard:      CAS(slot, active) -> load word -> decide -> load word again
//   publisher:  exchange(word)    -> read slots
//
// If the guard's claim comes first, the publisher's scan finds it: the call is on the stop's list. If the flip comes first, the guard
// reads the new word: the call meets the stop. There is no third case. tests/stress runs this against a build without the order.
//
// Owner:   who holds the file's OFD write lock, for life. The descriptor is O_CLOEXEC and a forked child closes its copy.
// Threads: every member may be called from any thread; nothing here waits for anything.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "page/layout.h"
#include "page/state_dir.h"

namespace notaus::page {

// What a Handle remembers: the names, and where it last stood.
struct Lane {
  static constexpr std::size_t kHints = 8;

  std::string tenant, agent, run, tool;
  Effect effect;
  std::uint64_t tag;  // random, never 0: marks the slots that hold our names already
  std::atomic<std::uint64_t> allowed{0};  // the word that allowed it, top bit: as a write; 0 none
  std::atomic<std::uint32_t> hint[kHints] = {};  // by thread: the slot used last

  [[nodiscard]] Call call(std::string_view args = {}) const {
    return {.tenant = tenant, .agent = agent, .run = run, .tool = tool, .effect = effect, .args = args};
  }
};

struct Claim {
  std::uint32_t slot;
  std::uint64_t word;  // the slot's, while the call is in flight
};

struct Identity {
  std::string name, tenant, agent;
  bool admission_only = false;
};

// 1, 2, 3…: spreads threads over slots.
inline std::uint32_t thread_number() {
  static constinit std::atomic<std::uint32_t> next{0};
  thread_local constinit std::uint32_t number = 0;  // 0: not drawn yet
  if (number == 0) [[unlikely]]
    number = next.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

class Slots {
 public:
  static Result<std::unique_ptr<Slots>> create(const StateDir& state, const Identity& who, std::uint64_t page_id);
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots();

  // Takes a slot for a call: nothing if all are in flight.
  std::optional<Claim> claim(const Call& call, std::int64_t since_ms);
  std::optional<Claim> claim(Lane& lane, std::int64_t since_ms) {
    std::uint32_t slot = lane.hint[thread_number() % Lane::kHints].load(std::memory_order_relaxed);
    std::uint64_t word = file_->words[slot].load(std::memory_order_acquire);
    Entry& mine = file_->entries[slot];
    if (state_of(word) != SlotState::free || __atomic_load_n(&mine.tag, __ATOMIC_RELAXED) != lane.tag)
      return claim_fresh(lane, since_ms);
    // Free since before we read the tag, and our names are in it: if the word has not moved, nobody has touched them.
    const std::uint64_t active = slot_word(generation_of(word) + 1, SlotState::active);
    if (!file_->words[slot].compare_exchange_strong(word, active)) return claim_fresh(lane, since_ms);
    __atomic_store_n(&mine.since, since_ms, __ATOMIC_RELAXED);
    return Claim{slot, active};
  }

  Entry& entry(std::uint32_t slot) { return file_->entries[slot]; }

  // The call is over, but its slot still tells of it. False: the claim is not (any more) ours.
  bool finish(const Claim& claim, Outcome outcome, SlotState as = SlotState::done) {
    Word& word = file_->words[claim.slot];
    if (word.load(std::memory_order_relaxed) != claim.word) return false;
    word.exchange(slot_word(generation_of(claim.word), as, outcome));  // nobody but the claim's owner moves an active slot
    return true;
  }
  // It has finished, and is about to become one more of a count.
  void begin_counting(const Claim& claim, Outcome outcome) {
    file_->words[claim.slot].exchange(slot_word(generation_of(claim.word), SlotState::counting, outcome));
  }
  void free(const Claim& claim) {
    file_->entries[claim.slot].word = 0;  // whoever claims it next is not decided
    Word& word = file_->words[claim.slot];
    const Outcome outcome = outcome_of(word.load(std::memory_order_relaxed));  // stays, for who saw it running
    word.store(slot_word(generation_of(claim.word), SlotState::free, outcome), std::memory_order_release);
  }

  // Puts a fact on its way to the spool; false if the ring is full.
  struct News {
    Fact fact;
    Outcome outcome;
    Why why;
    std::string_view stop;
    std::uint64_t page_word;
    Moment at;
  };
  bool push(const Claim& claim, const News& news);
  [[nodiscard]] bool half_full() const;

  SlotsFile& file() { return *file_; }
  [[nodiscard]] const std::string& process() const { return process_; }  // the file's name

  [[nodiscard]] bool in_place() const;  // its file has not been deleted under us
  void close_in_child();  // after fork: the owner lock is the parent's alone
  [[nodiscard]] bool idle() const;  // no call in flight, and all there is to tell is in the spool
  void leave();  // in order: the file goes, and with it the owner lock

 private:
  Slots(SlotsFile* file, Fd fd, std::string path, std::string process)
      : file_(file), fd_(std::move(fd)), path_(std::move(path)), process_(std::move(process)) {}
  std::optional<Claim> claim_fresh(Lane& lane, std::int64_t since_ms);
  std::optional<Claim> reserve(std::uint64_t from);

  SlotsFile* file_;
  Fd fd_;
  std::string path_, process_;
};

}  // namespace notaus::page
