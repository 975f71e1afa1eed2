#include "page/tallies.h"

#include <algorithm>
#include <cstring>

namespace notaus::page {
namespace {

constexpr std::uint32_t kFullPerSecond = 10;

bool in_use(const Tally& tally) { return tally.used.load(std::memory_order_relaxed) != 0; }

bool same_kind(const Tally& tally, const DenialFact& denial) {
  return tally.why == static_cast<std::uint8_t>(denial.why) && get_name(tally.entry.tenant) == get_name(denial.entry.tenant) &&
         get_name(tally.entry.tool) == get_name(denial.entry.tool);
}

void begin(Tally& tally, const DenialFact& denial) {
  tally.used.store(0, std::memory_order_relaxed);  // a drainer that finds us dead here reads no half-written kind
  tally.total = 0;  // its count is settled, and its window is over
  tally.why = static_cast<std::uint8_t>(denial.why);
  tally.entry = denial.entry;
  std::memset(tally.stop, 0, sizeof tally.stop);
  denial.stop.copy(tally.stop, sizeof tally.stop - 1);
  tally.used.store(1, std::memory_order_release);
}

}  // namespace

// The kind's own tally, else one that is free or has been settled and quiet; nothing if every one is busy.
Tally* Tallies::find(const DenialFact& denial, std::int64_t now_ms) {
  auto& all = slots_.file().tallies;
  auto own = std::ranges::find_if(all, [&](const Tally& t) { return in_use(t) && same_kind(t, denial); });
  if (own != std::end(all)) return own;
  auto idle = std::ranges::find_if(all, [&](const Tally& t) { return !in_use(t) || (t.count == 0 && t.window < now_ms / 1000); });
  if (idle == std::end(all)) return nullptr;
  begin(*idle, denial);
  return idle;
}

void Tallies::count(const DenialFact& denial, std::int64_t now_ms) {
  std::scoped_lock hold(mutex_);
  Tally* tally = find(denial, now_ms);
  if (tally == nullptr) {
    slots_.file().head.lost_denials.fetch_add(1);  // becomes a gap: how many, though no longer of what
    return;
  }
  if (tally->window != now_ms / 1000) {
    tally->window = now_ms / 1000;
    tally->full = 0;
  }
  ++tally->total;
  if (denial.claim != nullptr && tally->full < kFullPerSecond &&
      slots_.push(*denial.claim, {Fact::blocked, Outcome::not_sent, denial.why, denial.stop, denial.page_word, now_ms})) {
    ++tally->full;
    return;
  }
  if (tally->count++ == 0) tally->first = now_ms;
  tally->last = now_ms;
}

// The lock is not held while `take` writes: a disk may keep it for as long as it likes, and a denial must not wait for a disk.
void Tallies::settle(const std::function<bool(const Tally&)>& take) {
  for (Tally& tally : slots_.file().tallies) {
    Tally told{};
    if (!copy(tally, told) || !take(told)) continue;
    std::scoped_lock hold(mutex_);
    tally.count -= told.count;  // of the same kind still: what counts is not given to another
    tally.first = told.last;
  }
}

// False: there is nothing to tell.
bool Tallies::copy(const Tally& from, Tally& into) {
  std::scoped_lock hold(mutex_);
  if (!in_use(from) || from.count == 0) return false;
  std::memcpy(static_cast<void*>(&into), static_cast<const void*>(&from), sizeof into);
  return true;
}

}  // namespace notaus::page
