#include "audit/timeline.h"

#include "base/clock.h"

namespace notaus::audit {

std::int64_t ms_of(std::string_view at) { return from_iso8601(at).value_or(WallTime{}).ms; }

void Timeline::add(std::int64_t at_ms, Series series, std::uint64_t count) {
  if (at_ms <= 0) return;
  if (empty()) {
    from_ms_ = at_ms / 1000 * 1000;
    width_ms_ = 1000;
  }
  while (at_ms < from_ms_ || at_ms >= from_ms_ + width_ms_ * std::int64_t{kBuckets}) widen(at_ms);
  buckets_[static_cast<std::size_t>((at_ms - from_ms_) / width_ms_)][series] += count;
}

// Each pair becomes one, towards the side where there is no room.
void Timeline::widen(std::int64_t at_ms) {
  std::array<Counts, kBuckets> wide = {};
  const std::size_t first = at_ms < from_ms_ ? kBuckets / 2 : 0;
  for (std::size_t i = 0; i < kBuckets; ++i)
    for (std::size_t series = 0; series < wide[0].size(); ++series) wide[first + i / 2][series] += buckets_[i][series];
  if (at_ms < from_ms_) from_ms_ -= width_ms_ * std::int64_t{kBuckets};
  width_ms_ *= 2;
  buckets_ = wide;
}

}  // namespace notaus::audit
