#include "page/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "page/test_world.h"

namespace notaus::page {
namespace {

using Digest = std::array<std::uint64_t, 2>;
constexpr Digest kNone{};

std::size_t keys_in(const World& world) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(world.state.keys()), {}));
}

TEST(Digest, IsEqualForEqualArgumentsOfOneTenantInEveryProcess) {
  World world;
  DigestKeys here(world.state), there(world.state);
  const Digest one = here.digest("acme", "{}");
  EXPECT_NE(one, kNone);
  EXPECT_EQ(here.digest("acme", "{}"), one);
  EXPECT_EQ(there.digest("acme", "{}"), one);
  EXPECT_NE(here.digest("acme", "{ }"), one);
  EXPECT_NE(here.digest("globex", "{}"), one);
  EXPECT_EQ(here.digest("acme", ""), kNone);
}

TEST(Digest, ATenantsKeyIsAFileThatAnOperatorCanName) {
  World world;
  DigestKeys keys(world.state);
  (void)keys.digest("acme", "{}");
  EXPECT_EQ(keys_in(world), 1u);
  EXPECT_TRUE(std::filesystem::exists(world.state.keys() + "/bded55e7ce1c08f27738f8c77ec971e3")) << "printf %s acme | b2sum -l 128";
  (void)keys.digest("../../a/b\n", "{}");
  (void)keys.digest(std::string(300, 'x'), "{}");
  (void)keys.digest("", "{}");
  EXPECT_EQ(keys_in(world), 4u);
}

TEST(Digest, OfADestroyedKeyLinksToNothing) {
  World world;
  DigestKeys keys(world.state);
  const Digest before = keys.digest("acme", "{}"), spared = keys.digest("globex", "{}");
  keys.forget_destroyed();
  EXPECT_EQ(keys.digest("acme", "{}"), before);  // control: nothing was destroyed
  for (const auto& file : std::filesystem::directory_iterator(world.state.keys()))
    if (file.path().filename() == "bded55e7ce1c08f27738f8c77ec971e3") std::filesystem::remove(file.path());
  keys.forget_destroyed();
  const Digest after = keys.digest("acme", "{}");
  EXPECT_NE(after, before);
  EXPECT_EQ(DigestKeys(world.state).digest("acme", "{}"), after);
  EXPECT_EQ(keys.digest("globex", "{}"), spared);
}

TEST(Digest, IsLeftOutWhereNoKeyIsToBeHad) {
  World world;
  std::filesystem::remove_all(world.state.keys());
  DigestKeys keys(world.state);
  EXPECT_EQ(keys.digest("acme", "{}"), kNone);
  std::filesystem::create_directory(world.state.keys());
  keys.forget_destroyed();
  EXPECT_NE(keys.digest("acme", "{}"), kNone);
}

TEST(Digest, MoreTenantsThanAProcessKeepsAreLeftOut) {
  World world;
  DigestKeys keys(world.state);
  std::size_t with = 0;
  for (int i = 0; i < 400; ++i) with += keys.digest("tenant-" + std::to_string(i), "{}") != kNone;
  EXPECT_EQ(with, 192u);
  EXPECT_NE(keys.digest("tenant-0", "{}"), kNone);
}

TEST(Digest, ThreadsThatMeetATenantTogetherAgree) {
  for (int round = 0; round < 20; ++round) {
    World world;
    DigestKeys keys(world.state);
    std::vector<Digest> seen(8);
    {
      std::vector<std::jthread> threads;
      for (Digest& one : seen)
        threads.emplace_back([&] {
          DigestKeys other(world.state);
          one = keys.digest("acme", "{}");
          EXPECT_EQ(other.digest("acme", "{}"), one);
        });
    }
    EXPECT_EQ(std::ranges::count(seen, seen.front()), 8);
    EXPECT_NE(seen.front(), kNone);
  }
}

}  // namespace
}  // namespace notaus::page
