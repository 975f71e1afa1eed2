// The file that brings stops through a reboot: torn writes, damage, and who wins.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <random>

#include "page/layout.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;
constexpr auto kSecond = std::chrono::seconds(1);

TEST(Durable, ATornWriteLeavesTheOlderHalfAndSaysSo) {
  World world;
  EXPECT_EQ(read_durable(world.state).error().kind, Kind::gone);
  world.says.revision = 1;
  ASSERT_TRUE(write_durable(world.state, world.says, std::chrono::seconds(1)));
  world.stop(Mode::stop_all, {});
  ASSERT_TRUE(write_durable(world.state, world.says, std::chrono::seconds(1)));
  EXPECT_EQ(read_durable(world.state)->state, world.says);
  EXPECT_FALSE(read_durable(world.state)->older);
  Fd file = open_file(world.state.durable(), O_RDWR).value();
  ASSERT_TRUE(write_at(file.get(), "garbage", 7, kHalfSize + kHalfHead + 40));
  auto older = read_durable(world.state);
  ASSERT_TRUE(older);
  EXPECT_EQ(older->state.revision, 1u);
  EXPECT_TRUE(older->older);
  ASSERT_TRUE(write_at(file.get(), "garbage", 7, kHalfHead + 40));
  EXPECT_EQ(read_durable(world.state).error().kind, Kind::broken);
}

std::uint64_t revision_in(const World& world) { return read_durable(world.state)->state.revision; }

void write_revision(World& world, std::uint64_t revision) {
  world.says.revision = revision;
  ASSERT_TRUE(write_durable(world.state, world.says, kSecond));
}

TEST(Durable, HalvesTakeTurnsAndTheLatestIsRead) {
  World world;
  for (std::uint64_t revision = 1; revision <= 5; ++revision) {
    write_revision(world, revision);
    EXPECT_EQ(revision_in(world), revision);
    EXPECT_FALSE(read_durable(world.state)->older);
  }
}

// Whatever a write leaves undone, the state before it is still there.
TEST(Durable, AWriteNeverTouchesTheNewestHalf) {
  World world;
  write_revision(world, 1);
  for (std::uint64_t revision = 2; revision <= 5; ++revision) {
    std::string before(2 * kHalfSize, 0), after = before;
    Fd file = open_file(world.state.durable(), O_RDWR).value();
    ASSERT_TRUE(read_at(file.get(), before.data(), before.size(), 0));
    write_revision(world, revision);
    ASSERT_TRUE(read_at(file.get(), after.data(), after.size(), 0));
    const std::size_t newest = revision % 2 == 0 ? 0 : kHalfSize;
    EXPECT_EQ(before.substr(newest, kHalfSize), after.substr(newest, kHalfSize)) << revision;
    EXPECT_NE(before, after);
  }
}

TEST(Durable, ADamagedHeadDoesNotMakeItsHalfTheNewest) {
  World world;
  write_revision(world, 1);
  write_revision(world, 2);
  Fd file = open_file(world.state.durable(), O_RDWR).value();
  const std::uint64_t sequence = 99;
  ASSERT_TRUE(write_at(file.get(), &sequence, sizeof sequence, 8));  // of the older half
  EXPECT_EQ(revision_in(world), 2u);
  EXPECT_TRUE(read_durable(world.state)->older);  // which of the two was the newest cannot be told
}

// Two stops at once: each knows the page as it was at its own flip, or, on the latch, itself alone. Both are told that they are durable.
TEST(Durable, WhatOnlyTheFileOrOnlyTheWriterKnowsStays) {
  struct Row {
    const char* what;
    std::uint64_t revision;
    core::Stop writes;
    std::set<std::string> told;
    std::set<std::string> stand;
  } rows[] = {
      {"the first", 5, {.id = "a", .local = true}, {}, {"a"}},
      {"another, which does not know it", 5, {.id = "b", .local = true}, {}, {"a", "b"}},
      {"a later one, of the ledger", 6, {.id = "c"}, {}, {"a", "b", "c"}},
      {"one that is late", 5, {.id = "d", .local = true}, {}, {"a", "b", "c", "d"}},
      {"one of the ledger that is late, and lifted by then", 4, {.id = "e"}, {}, {"a", "b", "c", "d"}},
      {"the ledger answers for two", 7, {.id = "f"}, {"a", "d"}, {"b", "f"}},
      {"and for those that are late", 6, {.id = "g", .local = true}, {"g"}, {"b", "f"}},
  };
  World world;
  for (const Row& row : rows) {
    world.says.revision = row.revision;
    world.says.stops = {row.writes};
    ASSERT_TRUE(write_durable(world.state, world.says, kSecond, row.told));
    std::set<std::string> standing;
    for (const core::Stop& stop : read_durable(world.state)->state.stops) standing.insert(stop.id);
    EXPECT_EQ(standing, row.stand) << row.what;
  }
}

TEST(Durable, ANewerRevisionOfTheSameEpochStays) {
  World world;
  write_revision(world, 7);
  write_revision(world, 6);
  EXPECT_EQ(revision_in(world), 7u);
  write_revision(world, 8);  // control
  EXPECT_EQ(revision_in(world), 8u);
  world.says.epoch = new_epoch();
  write_revision(world, 1);  // another life: it is what the page says
  EXPECT_EQ(revision_in(world), 1u);
}

TEST(Durable, OneWriterAtATime) {
  World world;
  Fd held = open_file(world.state.durable(), O_RDWR).value();
  ASSERT_EQ(flock(held.get(), LOCK_EX), 0);
  world.says.revision = 1;
  auto second = write_durable(world.state, world.says, std::chrono::milliseconds(20));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Kind::retry);
  held = Fd();
  EXPECT_TRUE(write_durable(world.state, world.says, kSecond));
}

// The file is overwritten at random, in its heads and images. What is read is then the newest state, or the one before it and said to
// be older, or nothing: never a state that nobody wrote, and never the older one for the newest.
TEST(Durable, ThousandsOfDamagedFilesAreNeverMistaken) {
  World world;
  world.stop(Mode::stop_all, {.tenant = "acme"});
  const core::State older = world.says;
  ASSERT_TRUE(write_durable(world.state, older, kSecond));
  world.stop(Mode::stop_all, {});
  const core::State newest = world.says;
  ASSERT_TRUE(write_durable(world.state, newest, kSecond));
  Fd file = open_file(world.state.durable(), O_RDWR).value();
  std::string whole(2 * kHalfSize, '\0');
  ASSERT_TRUE(read_at(file.get(), whole.data(), whole.size(), 0));
  std::mt19937_64 dice(5);
  int as_newest = 0, as_older = 0, nothing = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::vector<std::pair<std::size_t, std::string>> harm;
    for (std::uint64_t n = 1 + dice() % 2; n > 0; --n) {
      std::string bytes(1 + dice() % (dice() % 4 == 0 ? 512 : 16), '\0');
      if (dice() % 4 != 0)
        for (char& c : bytes) c = static_cast<char>(dice());
      harm.emplace_back(dice() % 2 * kHalfSize + (dice() % 2 ? dice() % 24 : dice() % 1024), bytes);
    }
    for (const auto& [at, bytes] : harm) ASSERT_TRUE(write_at(file.get(), bytes.data(), bytes.size(), at));
    if (auto read = read_durable(world.state)) {
      const bool is_newest = read->state == newest;
      ASSERT_TRUE(is_newest || (read->state == older && read->older)) << i;
      ++(is_newest ? as_newest : as_older);
    } else {
      ASSERT_EQ(read.error().kind, Kind::broken) << i;
      ++nothing;
    }
    for (const auto& [at, bytes] : harm) ASSERT_TRUE(write_at(file.get(), whole.data() + at, bytes.size(), at));
  }
  EXPECT_GT(std::min({as_newest, as_older, nothing}), 100);  // control: all three were seen
}

}  // namespace
}  // namespace notaus::page
