// Who puts a state onto the page, and what stands there when that fails.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include <notaus/guard.hpp>

#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

Guard open(const World& world) { return Guard::open({.state = world.state.path, .name = "test"}); }

TEST(Publisher, AStopThatDoesNotFitStopsEverything) {
  World world;
  Guard guard = open(world);
  for (int i = 0; i < 4500; ++i)
    world.says.stops.push_back({.id = new_id(), .selector = {.tenant = new_id() + std::string(180, 't')}});
  world.publish();
  EXPECT_EQ(ask(guard, kFind), "ok");
  auto state = world.publisher->add_local(world.lock(),
                                          {.id = new_id(), .selector = {.tenant = "acme", .agent = std::string(200'000, 'x')}});
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->stops.back().selector.global());
  EXPECT_EQ(state->stops.back().reason, "the page is full: stopped everything instead");
  EXPECT_EQ(ask(guard, kFind), "killed: stop_all");
}

// Not even room for that: what the other stops were given for can be read in the ledger, what they stop cannot be left out.
TEST(Publisher, AStopThatDoesNotFitTakesTheRoomOfReasons) {
  World world;
  Guard guard = open(world);
  auto fits = [&] { return core::flatten(world.says, kImageMax).has_value(); };
  for (std::size_t size : {65'536, 4'096, 256, 16, 0})
    while (true) {
      world.says.stops.push_back({.id = new_id(), .selector = {.tenant = "globex"}, .reason = new_id() + std::string(size, 'r')});
      if (fits()) continue;
      world.says.stops.pop_back();
      break;
    }
  world.publish();
  EXPECT_EQ(ask(guard, kFind), "ok");
  core::State full = world.says;
  full.stops.push_back({.id = new_id(), .mode = Mode::stop_all, .reason = "the page is full: stopped everything instead"});
  ASSERT_FALSE(core::flatten(full, kImageMax)) << "there was room for it";
  auto state = world.publisher->add_local(world.lock(), {.id = new_id(), .selector = {.tenant = "acme"}, .reason = "mails"});
  ASSERT_TRUE(state) << state.error().what;
  EXPECT_EQ(state->stops.back().reason, "the page is full: stopped everything instead");
  EXPECT_EQ(state->stops.front().reason, "");
  EXPECT_EQ(state->stops.size(), world.says.stops.size() + 1);
  EXPECT_EQ(ask(guard, kFind), "killed: stop_all");
}

TEST(Publisher, AReplacementThatFailsLeavesThePageAsItIs) {
  World world;
  Guard guard = open(world);
  const std::string next = world.state.page() + ".next";
  std::filesystem::create_directories(next + "/in the way");
  EXPECT_FALSE(Publisher::replace(world.state, world.lock(), world.says));
  EXPECT_EQ(ask(guard, kFind), "ok");
  EXPECT_FALSE(world.publisher->retired());
  std::filesystem::remove_all(next);
  std::ofstream(next) << "left by a kill";
  EXPECT_TRUE(Publisher::replace(world.state, world.lock(), world.says));  // control
  EXPECT_TRUE(world.publisher->retired());
  EXPECT_FALSE(std::filesystem::exists(next));
}

TEST(Publisher, AReplacementThatSaysTooMuchOrHasNoPlaceIsNone) {
  World world;
  Guard guard = open(world);
  core::State much = world.says;
  for (int i = 0; i < 20'000; ++i) much.catalogue.emplace("tool" + std::to_string(i) + std::string(100, 'x'), Effect::read);
  EXPECT_FALSE(Publisher::replace(world.state, world.lock(), much));
  EXPECT_EQ(ask(guard, kFind), "ok");
  std::filesystem::remove(world.state.page());
  std::filesystem::create_directories(world.state.page() + "/in the way");
  EXPECT_FALSE(Publisher::replace(world.state, world.lock(), world.says));
}

TEST(Publisher, EveryPageHasANameOfItsOwn) {
  World world;
  const std::uint64_t first = world.publisher->page_id();
  EXPECT_NE(first, 0u);
  world.replace();
  EXPECT_NE(world.publisher->page_id(), first);
}

TEST(Publisher, KnowsWhetherItsPageIsWhole) {
  World world;
  world.stop(Mode::stop_all, {});
  EXPECT_TRUE(world.publisher->sound());
  LivePage page = LivePage::open(world.state, Access::write).value();
  page.half(page.head().word.load())[kHalfHead + 8] ^= std::byte{1};
  EXPECT_FALSE(world.publisher->sound());
}

TEST(Publisher, NeverGoesBackToAnOlderRevision) {
  World world;
  world.says.revision = 5;
  world.publish();
  EXPECT_TRUE(world.publisher->publish(world.lock(), world.says));  // the same is fine
  world.says.revision = 4;
  EXPECT_DEATH((void)world.publisher->publish(world.lock(), world.says), "bug at");
  world.says.epoch = new_epoch();  // of another ledger
  EXPECT_TRUE(world.publisher->publish(world.lock(), world.says));
}

TEST(Publisher, DropsTheLocalStopOfThatIdAndNoOther) {
  World world;
  auto ledgers = world.stop(Mode::stop_all, {.tenant = "acme"});
  auto local = [&] {
    return world.publisher
        ->add_local(world.lock(), {.id = new_id(), .selector = {.tenant = "acme"}, .mode = Mode::stop_all, .by = "ana"})
        ->stops.back();
  };
  auto first = local(), second = local();
  EXPECT_TRUE(first.local && second.local);
  auto standing = [&] {
    std::vector<std::string> ids;
    for (const core::Stop& stop : world.publisher->current()->stops) ids.push_back(stop.id);
    return ids;
  };
  for (const std::string& id : {ledgers.id, std::string("nosuchstop")}) ASSERT_TRUE(world.publisher->drop_local(world.lock(), id));
  EXPECT_EQ(standing(), (std::vector<std::string>{ledgers.id, first.id, second.id}));
  ASSERT_TRUE(world.publisher->drop_local(world.lock(), first.id));
  EXPECT_EQ(standing(), (std::vector<std::string>{ledgers.id, second.id}));
}

TEST(Publisher, WaitsForALockAsLongAsItMay) {
  World world;
  auto held = std::make_unique<PageLock>(world.lock());
  std::thread holder([&] {
    usleep(50'000);
    held.reset();
  });
  EXPECT_TRUE(PageLock::take(world.state, std::chrono::seconds(20)));
  holder.join();
  std::filesystem::remove(world.state.lock());
  auto none = PageLock::take(world.state, std::chrono::seconds(20));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().kind, Kind::retry) << none.error().what;
}

TEST(Publisher, SaysWhyThereIsNoPage) {
  World world;
  EXPECT_TRUE(Publisher::open(world.state));
  std::ofstream(world.state.page(), std::ios::trunc) << std::string(kPageSize, 'x');
  EXPECT_EQ(Publisher::open(world.state).error().kind, Kind::broken);
  std::filesystem::remove(world.state.page());
  EXPECT_EQ(Publisher::open(world.state).error().kind, Kind::gone);
  world.replace();
  {
    LivePage page = LivePage::open(world.state, Access::write).value();
    page.head().boot_id[0] ^= 1;
  }
  EXPECT_EQ(Publisher::open(world.state).error().kind, Kind::gone) << "of another boot";
}

TEST(Publisher, IsForWhoMayWriteThePage) {
  World world;
  auto tries = [&](uid_t who) {
    if (chdir(world.state.path.c_str()) != 0 || (geteuid() == 0 && setuid(who) != 0)) _exit(3);
    auto page = Publisher::open({"."});  // whoever may not pass the directories above it
    _exit(page ? 0 : page.error().kind == Kind::refused ? 7 : 1);
  };
  EXPECT_EXIT(tries(geteuid()), testing::ExitedWithCode(0), "");
  if (geteuid() == 0) EXPECT_EXIT(tries(65534), testing::ExitedWithCode(7), "");
}

TEST(Publisher, ALockHeldByAnotherIsTroubleNotAWait) {
  World world;
  PageLock held = world.lock();
  auto second = PageLock::take(world.state, std::chrono::milliseconds(20));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Kind::retry);
}

}  // namespace
}  // namespace notaus::page
