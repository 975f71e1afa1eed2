#include "page/slots.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/boot.h"
#include "base/clock.h"
#include "base/id.h"
#include "core/flat.h"

namespace notaus::page {
namespace {

void write_names(Entry& entry, const Call& call) {
  set_name(entry.tenant, call.tenant);
  set_name(entry.agent, call.agent);
  set_name(entry.run, call.run);
  set_name(entry.tool, call.tool);
}

}  // namespace

Result<std::unique_ptr<Slots>> Slots::create(const StateDir& state, const Identity& who, std::uint64_t page_id) {
  std::string process = fmt::format("{}-{}-{}", who.name.empty() ? "guard" : who.name, getpid(), new_id().substr(0, 6));
  for (char& c : process)
    if (c == '/' || c == '\0') c = '_';
  std::string path = state.slots() + "/" + process;
  auto fd = make_file(path, sizeof(SlotsFile), 0640, Lock::owner);
  if (!fd) return std::unexpected(fd.error());
  // Mapped through a descriptor of its own: a mapping keeps its open file alive, and with it the owner lock, in a forked child too.
  auto mapped = open_file(path, O_RDWR | O_NOFOLLOW);
  if (!mapped) return std::unexpected(mapped.error());
  void* base = mmap(nullptr, sizeof(SlotsFile), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, mapped->get(), 0);
  if (base == MAP_FAILED) return std::unexpected(os_trouble(path, errno));
  (void)mlock2(base, sizeof(SlotsFile), MLOCK_ONFAULT);
  auto* file = static_cast<SlotsFile*>(base);
  const std::uint64_t first = random_u64() >> 24 << 1;
  for (Word& word : file->words) word.store(slot_word(first, SlotState::free), std::memory_order_relaxed);
  SlotsHead& head = file->head;
  head.version = kPageVersion;
  head.started = wall_now().ms;
  head.page_id = page_id;
  head.pid = getpid();
  head.admission_only = who.admission_only;
  boot_id().copy(head.boot_id, sizeof head.boot_id - 1);
  set_name(head.name, who.name);
  set_name(head.tenant, who.tenant);
  set_name(head.agent, who.agent);
  __atomic_store_n(&head.magic, kSlotsMagic, __ATOMIC_RELEASE);  // last: a scanner that reads it reads the rest
  return std::unique_ptr<Slots>(new Slots(file, *std::move(fd), path, process));
}

Slots::~Slots() { munmap(file_, sizeof(SlotsFile)); }

std::optional<Claim> Slots::claim_fresh(Lane& lane, std::int64_t since_ms) {
  auto claim = reserve(lane.tag + thread_number());
  if (!claim) return claim;
  Entry& entry = file_->entries[claim->slot];
  write_names(entry, lane.call());
  entry.since = since_ms;
  entry.write = lane.effect == Effect::write;
  __atomic_store_n(&entry.tag, lane.tag, __ATOMIC_RELAXED);
  lane.hint[thread_number() % Lane::kHints].store(claim->slot, std::memory_order_relaxed);
  file_->words[claim->slot].exchange(claim->word);
  return claim;
}

std::optional<Claim> Slots::claim(const Call& call, std::int64_t since_ms) {
  auto claim = reserve(core::hash_of(call.tool) ^ core::hash_of(call.tenant) ^ core::hash_of(call.agent));
  if (!claim) return claim;
  Entry& entry = file_->entries[claim->slot];
  write_names(entry, call);
  entry.since = since_ms;
  entry.write = call.effect == Effect::write;
  file_->words[claim->slot].exchange(claim->word);
  return claim;
}

// A slot nobody uses, ours to write names into; claim.word is what makes it active. Calls of one name come back to one place, so that
// the names of those that ended stand for a while, for recent_calls().
std::optional<Claim> Slots::reserve(std::uint64_t from) {
  for (std::uint64_t step = 0; step < kSlots; ++step) {
    auto slot = static_cast<std::uint32_t>((from + step) % kSlots);
    std::uint64_t word = file_->words[slot].load(std::memory_order_relaxed);
    if (state_of(word) != SlotState::free) continue;
    std::uint64_t generation = generation_of(word) + 1;
    if (!file_->words[slot].compare_exchange_strong(word, slot_word(generation, SlotState::reserved))) continue;
    std::uint64_t high = file_->head.high.load(std::memory_order_relaxed);
    while (high <= slot && !file_->head.high.compare_exchange_weak(high, slot + 1)) {
    }
    Entry& entry = file_->entries[slot];
    __atomic_store_n(&entry.tag, 0, __ATOMIC_RELAXED);
    entry.digest[0] = entry.digest[1] = 0;
    return Claim{slot, slot_word(generation, SlotState::active)};
  }
  return std::nullopt;
}

bool Slots::push(const Claim& claim, const News& news) {
  SlotsHead& head = file_->head;
  std::uint64_t position = head.head.load(std::memory_order_relaxed);
  do {
    if (position - head.tail.load(std::memory_order_acquire) >= kCells) return false;
  } while (!head.head.compare_exchange_weak(position, position + 1, std::memory_order_relaxed));
  Cell& cell = file_->cells[position % kCells];
  cell.turn.exchange(0);  // a reader of what stood here must not take half of this for it, even if we sleep in mid-write
  cell.call = claim.word;
  cell.word = news.page_word;
  cell.at = news.at;
  cell.dropped = 0;
  cell.slot = claim.slot;
  cell.fact = news.fact;
  cell.outcome = static_cast<std::uint8_t>(news.outcome);
  cell.why = static_cast<std::uint8_t>(news.why);
  std::memset(cell.stop, 0, sizeof cell.stop);
  news.stop.copy(cell.stop, sizeof cell.stop - 1);
  cell.entry = file_->entries[claim.slot];
  cell.turn.store(position + 1, std::memory_order_release);
  return true;
}

bool Slots::half_full() const {
  return file_->head.head.load(std::memory_order_relaxed) - file_->head.tail.load(std::memory_order_relaxed) >= kCells / 2;
}

bool Slots::in_place() const {
  struct stat file{};
  return fstat(fd_.get(), &file) == 0 && file.st_nlink > 0;
}

void Slots::close_in_child() { fd_ = Fd(); }

bool Slots::idle() const {
  // The slots first: what a call has left in the ring and the tallies stood there before its slot was free.
  if (!std::ranges::all_of(file_->words, [](const Word& word) { return state_of(word.load()) == SlotState::free; })) return false;
  const SlotsHead& head = file_->head;
  if (head.head.load() != head.tail.load() || lost_calls(head) != head.told_calls.load() ||
      lost_denials(head) != head.told_denials.load())
    return false;
  return std::ranges::none_of(file_->tallies, [](const Tally& tally) { return tally.used.load() != 0 && tally.more.untold() > 0; });
}

void Slots::leave() {
  if (fd_) unlink(path_.c_str());
  fd_ = Fd();
}

}  // namespace notaus::page
