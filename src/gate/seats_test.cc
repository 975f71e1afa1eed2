#include "gate/seats.h"

#include <gtest/gtest.h>

#include <optional>

namespace notaus::gate {
namespace {

TEST(Seats, AreOfOneCallerAndFreeAgain) {
  Seats seats(2);
  const Caller ana = {"acme", "ana"}, other = {"globex", "ana"}, beside = {"acme", "bo"};
  auto first = seats.take(ana);
  std::optional<Seats::Seat> second = seats.take(ana);
  EXPECT_TRUE(first && *second);
  EXPECT_FALSE(seats.take(ana));
  EXPECT_TRUE(seats.take(other));
  EXPECT_TRUE(seats.take(beside));
  second.reset();
  auto third = seats.take(ana);
  EXPECT_TRUE(third);
  auto moved = std::move(third);
  EXPECT_FALSE(seats.take(ana));
}

}  // namespace
}  // namespace notaus::gate
