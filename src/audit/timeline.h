// audit/timeline.h: how often things happened over a time whose length nobody knows before it is over.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace notaus::audit {

// "2026-11-22T03:12:07.123Z" in milliseconds since 1970; 0: it is no such time.
std::int64_t ms_of(std::string_view at);

// At most kBuckets of equal width, which doubles whenever a time falls outside of them.
class Timeline {
 public:
  static constexpr std::size_t kBuckets = 120;
  enum Series : std::size_t { done, unknown, denied };
  using Counts = std::array<std::uint64_t, 3>;

  void add(std::int64_t at_ms, Series series, std::uint64_t count = 1);

  [[nodiscard]] bool empty() const { return width_ms_ == 0; }
  [[nodiscard]] std::int64_t from_ms() const { return from_ms_; }
  [[nodiscard]] std::int64_t width_ms() const { return width_ms_; }
  [[nodiscard]] const std::array<Counts, kBuckets>& buckets() const { return buckets_; }

 private:
  void widen(std::int64_t at_ms);

  std::int64_t from_ms_ = 0, width_ms_ = 0;
  std::array<Counts, kBuckets> buckets_ = {};
};

}  // namespace notaus::audit
