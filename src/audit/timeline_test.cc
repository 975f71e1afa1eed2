#include <gtest/gtest.h>

#include "audit/timeline.h"

namespace notaus::audit {
namespace {

TEST(Timeline, ReadsATimeOrNone) {
  EXPECT_EQ(ms_of("1970-01-01T00:00:01.002Z"), 1002);
  EXPECT_EQ(ms_of("2026-11-22T03:12:07.123Z"), 1'795'317'127'123);
  for (const char* none : {"", "yesterday", "2026-11-22", "2026-11-22T03"}) EXPECT_EQ(ms_of(none), 0) << none;
}

// Whatever comes in whatever order: nothing is lost, and each count stands in the bucket of its time.
TEST(Timeline, CountsEverythingWhereItWas) {
  const std::int64_t start = 1'795'317'127'000;
  for (const auto& times : {std::vector<std::int64_t>{0},
                            {0, 1, 999, 119'999},
                            {0, 120'000},
                            {0, 10'000'000'000},
                            {5'000'000, 0, -700'000, 3},
                            {0, -1}}) {
    Timeline line;
    for (std::int64_t at : times) line.add(start + at, Timeline::done, 2);
    std::uint64_t sum = 0;
    for (const auto& bucket : line.buckets()) sum += bucket[Timeline::done];
    EXPECT_EQ(sum, 2 * times.size());
    for (std::int64_t at : times) {
      const auto index = static_cast<std::size_t>((start + at - line.from_ms()) / line.width_ms());
      ASSERT_LT(index, Timeline::kBuckets);
      EXPECT_GT(line.buckets()[index][Timeline::done], 0u);
    }
  }
}

TEST(Timeline, WhatHasNoTimeIsNotInIt) {
  Timeline line;
  line.add(0, Timeline::denied);
  EXPECT_TRUE(line.empty());
  line.add(1, Timeline::denied);
  EXPECT_FALSE(line.empty());
}

}  // namespace
}  // namespace notaus::audit
