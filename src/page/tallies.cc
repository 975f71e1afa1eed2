#include "page/tallies.h"

#include <algorithm>
#include <cstring>

namespace notaus::page {
namespace {

constexpr std::uint32_t kFullPerSecond = 10;

bool in_use(const Tally& tally) { return tally.used.load(std::memory_order_relaxed) != 0; }

std::string_view stop_of(const Tally& tally) { return {tally.stop, strnlen(tally.stop, sizeof tally.stop)}; }

bool same_kind(const Tally& tally, const DenialFact& denial) {
  return tally.why == static_cast<std::uint8_t>(denial.why) && get_name(tally.entry.tenant) == get_name(denial.entry.tenant) &&
         get_name(tally.entry.tool) == get_name(denial.entry.tool) &&
         stop_of(tally) == denial.stop.substr(0, sizeof tally.stop - 1);
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
Tally* Tallies::find(const DenialFact& denial, std::int64_t second) {
  auto& all = slots_.file().tallies;
  auto own = std::ranges::find_if(all, [&](const Tally& t) { return in_use(t) && same_kind(t, denial); });
  if (own != std::end(all)) return own;
  auto idle = std::ranges::find_if(all, [&](const Tally& t) { return !in_use(t) || (t.more.untold() == 0 && t.window < second); });
  if (idle == std::end(all)) return nullptr;
  begin(*idle, denial);
  return idle;
}

void Tallies::count(const DenialFact& denial, Moment now) {
  const std::int64_t second = now.wall.ms / 1000;
  std::scoped_lock hold(mutex_);
  Tally* tally = find(denial, second);
  if (tally == nullptr) {
    slots_.file().head.lost_denials.fetch_add(1);  // becomes a gap: how many, though no longer of what
    return;
  }
  if (tally->window != second) {
    tally->window = second;
    tally->full = 0;
  }
  ++tally->total;
  if (denial.claim != nullptr && tally->full < kFullPerSecond &&
      slots_.push(*denial.claim, {Fact::blocked, Outcome::not_sent, denial.why, denial.stop, denial.page_word, now})) {
    ++tally->full;
    return;
  }
  if (tally->more.untold() == 0) {
    tally->first = now;
    tally->entry.agent = denial.entry.agent;
  } else if (get_name(tally->entry.agent) != get_name(denial.entry.agent)) {
    tally->entry.agent.size = 0;  // of several
  }
  tally->last = now;
  ++tally->more.counted;
}

// The lock is not held while `take` writes: a disk may keep it for as long as it likes, and a denial must not wait for a disk.
void Tallies::settle(const std::function<bool(std::uint32_t, const Tally&)>& take) {
  for (std::uint32_t number = 0; number < kTallies; ++number) {
    Tally& tally = slots_.file().tallies[number];
    Tally told{};
    if (!copy(tally, told) || !take(number, told)) continue;
    std::scoped_lock hold(mutex_);
    tally.more.told = told.more.counted;  // of the same kind still: what counts is not given to another
    tally.first = told.last;
  }
}

// False: there is nothing to tell.
bool Tallies::copy(const Tally& from, Tally& into) {
  std::scoped_lock hold(mutex_);
  if (!in_use(from) || from.more.untold() == 0) return false;
  std::memcpy(static_cast<void*>(&into), static_cast<const void*>(&from), sizeof into);
  return true;
}

}  // namespace notaus::page
