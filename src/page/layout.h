// page/layout.h: the bytes of a live page and of a slot file. Both are shared between processes and versions: a change of anything
// here is a new kPageVersion.
//
// A live page is a header and two halves, each a core::Snapshot image. `word` is the sequence number of the newest publication;
// its lowest bit tells the half. A page's first sequence is random, so no two pages ever share a word, and a verdict remembered
// under a word needs no other key.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <notaus/call.hpp>

#include "base/clock.h"

namespace notaus::page {

constexpr std::uint64_t kPageMagic = 0x4547'4150'5354'4f4eu;   // "NOTSPAGE"
constexpr std::uint64_t kSlotsMagic = 0x5354'4f4c'5354'4f4eu;  // "NOTSLOTS"
constexpr std::uint32_t kPageVersion = 3;

constexpr std::size_t kHalfSize = 3 << 19;  // 1.5 MiB
constexpr std::size_t kHalfHead = 64;
constexpr std::size_t kImageMax = kHalfSize - kHalfHead;

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == 8);

struct PageHead {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t half_size;
  std::uint64_t page_id;         // random
  std::uint64_t time_namespace;  // inode of the publisher's /proc/self/ns/time
  char boot_id[40];              // /proc/sys/kernel/random/boot_id: a page of another boot counts as missing
  char pad0[56];
  alignas(64) Word word;                           // 0: nothing was ever published
  alignas(64) Word latch;                          // read after the word: see denies()
  alignas(64) std::atomic<std::int64_t> permit_until;  // CLOCK_BOOTTIME ns; for snapshots that need a permit
  char pad1[3832];
};
static_assert(sizeof(PageHead) == 4096 && offsetof(PageHead, word) == 128 && offsetof(PageHead, latch) == 192);

// The latch, low to high: a bit; how often a stop has set it or was kept by it since it was lifted; how often it was lifted. The last
// stands there so that who set it can tell that it was lifted, even if it is set again, and denies nothing.
constexpr std::uint64_t kRetired = 1;  // another page has taken this one's place
constexpr std::uint64_t kOneStop = 2;  // a stop could not get the lock in time: stop_all on this host
constexpr std::uint64_t kOneLift = std::uint64_t{1} << 40;  // a stop a millisecond would count up to here in 17 years
constexpr bool denies(std::uint64_t latch) { return (latch & (kOneLift - 1)) != 0; }
constexpr std::uint64_t lifts_of(std::uint64_t latch) { return latch / kOneLift; }

struct HalfHead {
  std::atomic<std::uint64_t> sequence;
  char pad[kHalfHead - 8];
};
static_assert(sizeof(HalfHead) == kHalfHead);

constexpr std::size_t kPageSize = sizeof(PageHead) + 2 * kHalfSize;
constexpr std::size_t half_at(std::uint64_t word) { return sizeof(PageHead) + (word & 1) * kHalfSize; }

// --- slot files: one per process, written by it alone -------------------------------------------------------------------------

// A slot's word: generation << 8 | SlotState. The generation grows with every claim, and a file's first one is random, so a scanner
// never takes one call for another and a Permit never ends a call that is not its own.
enum class SlotState : std::uint8_t {
  free,  // + Outcome: how the last call in it ended; running: it had none, or one that was never admitted
  reserved,  // names are being written; the page has not been asked yet
  active,  // in flight
  done,  // + Outcome: ended, and its record is being written
  counting,  // + Outcome: done, or denied, and being counted: whoever finds it so after a kill cannot know whether the count has it
};
constexpr std::uint64_t slot_word(std::uint64_t generation, SlotState state, Outcome outcome = Outcome::running) {
  return generation << 8 | static_cast<std::uint64_t>(state) | static_cast<std::uint64_t>(outcome) << 4;
}
constexpr std::uint64_t generation_of(std::uint64_t word) { return word >> 8; }
constexpr SlotState state_of(std::uint64_t word) { return static_cast<SlotState>(word & 15); }
constexpr Outcome outcome_of(std::uint64_t word) { return static_cast<Outcome>(word >> 4 & 15); }

constexpr std::uint16_t kNoSize = 0xffff;
template <std::size_t kMost>
struct Name {
  std::uint16_t size;  // of the whole name; more than kMost: it was cut; kNoSize: nobody knows how long it was
  char text[kMost];
};

// What a call is, as a stop lists it.
struct Entry {
  std::uint64_t tag;  // which Lane wrote the names, 0 none; they stay when the slot is free
  std::int64_t since;  // wall ms
  std::uint64_t word;  // the page's, under which it was decided; 0: it was not yet
  std::uint64_t revision;  // of that snapshot
  std::uint64_t digest[2];  // keyed, of the arguments; 0 none
  std::uint8_t write;  // 1: a write, declared or decided; until the decision a scanner asks the catalogue itself
  std::uint8_t pad[7];
  Name<62> tenant, agent, run;
  Name<126> tool;
  char pad2[8];
};
static_assert(sizeof(Entry) == 384);

enum class Fact : std::uint8_t { none, ended, blocked };

// One cell of the ring of facts on their way to the spool. `turn` is position + 1 once it is written.
struct Cell {
  std::atomic<std::uint64_t> turn;
  std::uint64_t call;  // slot word of the call
  std::uint64_t word;  // the page's when the call ended: not entry.word if a flip came in between
  Moment at;
  std::uint64_t dropped;  // the spool could not take it, and so many of its kind are lost with it; 0: not so
  std::uint32_t slot;
  Fact fact;
  std::uint8_t outcome;
  std::uint8_t why;
  std::uint8_t pad;
  char stop[24];
  Entry entry;
};
static_assert(sizeof(Cell) == 464);

// So many, and how many of them the spool tells of. Both only grow: a process may die between writing to its spool and noting it here,
// and whoever finds it dead compares what the spool says (see Mark in spool.h).
struct Count {
  std::uint64_t counted, told;

  [[nodiscard]] std::uint64_t untold() const { return counted - told; }
};

// Denials of one (tenant, tool, reason, stop) beyond the first of a second, counted where a kill -9 does not lose them.
struct Tally {
  std::atomic<std::uint64_t> used;  // 0 free, 1 in use
  Count more;  // of all the kinds that this tally has been of
  std::uint64_t total;  // all of this key since the process began, the ones recorded in full too
  Moment first, last;  // of those untold
  std::int64_t window;  // the second that `full` counts in
  std::uint32_t full;
  std::uint8_t why;
  std::uint8_t pad[3];
  char stop[24];
  Entry entry;
};

constexpr std::uint32_t kSlots = 1024;
constexpr std::uint32_t kCells = 512;
constexpr std::uint32_t kTallies = 64;

struct SlotsHead {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t pad;
  std::int64_t started;  // wall ms
  std::uint64_t page_id;  // of the page this process decides by
  std::int32_t pid;  // in its own namespace: for people, never compared
  std::uint32_t admission_only;
  Name<62> name, tenant, agent;
  char boot_id[40];  // as in a page
  char pad0[48];
  alignas(64) std::atomic<std::uint64_t> high;  // no slot at or above it was ever used
  alignas(64) std::atomic<std::uint64_t> head;  // ring: next position to fill
  alignas(64) std::atomic<std::uint64_t> tail;  // ring: next position to move to the spool
  alignas(64) std::atomic<std::uint64_t> lost_calls;  // facts that found the ring full; the watcher turns them into a gap
  std::atomic<std::uint64_t> lost_denials;
  std::atomic<std::uint64_t> dropped_calls;  // facts of the ring that found the spool full
  std::atomic<std::uint64_t> dropped_denials;
  std::atomic<std::uint64_t> told_calls;  // of the lost and the dropped
  std::atomic<std::uint64_t> told_denials;
  std::atomic<std::uint64_t> missed;  // the page word when a call last ended and the ring was full
  std::atomic<std::uint64_t> rounds;  // how often the watcher has emptied ring and tallies
  std::atomic<std::uint64_t> sentinel;  // 1: it has seen the file STOP and denies everything by itself
  char pad1[3488];
};
static_assert(sizeof(SlotsHead) == 4096);

inline std::uint64_t lost_calls(const SlotsHead& head) { return head.lost_calls.load() + head.dropped_calls.load(); }
inline std::uint64_t lost_denials(const SlotsHead& head) { return head.lost_denials.load() + head.dropped_denials.load(); }

struct SlotsFile {
  SlotsHead head;
  Word words[kSlots];
  Entry entries[kSlots];
  Cell cells[kCells];
  Tally tallies[kTallies];
};
static_assert(sizeof(SlotsFile) < 704 << 10);

// Fills `name`; what does not fit is cut, and a scanner takes a cut name as matching every selector.
template <std::size_t kMost>
void set_name(Name<kMost>& name, std::string_view text) {
  name.size = static_cast<std::uint16_t>(std::min<std::size_t>(text.size(), kNoSize));
  text.copy(name.text, kMost);
}
template <std::size_t kMost>
std::string_view get_name(const Name<kMost>& name) {
  return {name.text, name.size < kMost ? name.size : kMost};
}
template <std::size_t kMost>
bool is_cut(const Name<kMost>& name) {
  return name.size > kMost;
}

}  // namespace notaus::page
