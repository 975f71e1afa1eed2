// `touch STATE/STOP`: each process stops by itself, and what the file said stands until a record takes its place.
#include "page/sentinel.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

#include <notaus/guard.hpp>

#include "page/scan.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kRead{.tenant = "acme", .agent = "a", .tool = "crm.find"};

struct Watched : World {
  void touch() { std::ofstream(state.sentinel()) << ""; }
  void remove() { std::filesystem::remove(state.sentinel()); }
  void record() {
    says =
        publisher->add_local(lock(), {.id = new_id(), .mode = Mode::stop_all, .by = std::string(kSentinelActor), .host_only = true})
            .value();
    publisher->wake();
  }
  void lift() {
    says.stops.clear();
    publish();
    publisher->wake();
  }
  bool aside() { return scan(state).at(0).sentinel; }
};

TEST(Sentinel, EveryProcessStopsByItselfAndGoesOnAfterItsRecordIsLifted) {
  Watched world;
  std::atomic<int> told = 0;
  Guard guard = Guard::open({.state = world.state.path, .on_change = [&] { ++told; }});
  Handle handle = guard.handle(kRead);
  ASSERT_EQ(ask(guard, kRead), "ok");
  EXPECT_EQ(told, 0);
  Admission before = guard.admit(kRead);
  world.touch();
  ASSERT_TRUE(within([&] { return ask(guard, kRead) == "killed: stop_all"; }));
  EXPECT_EQ(handle.admit().denial().reason, "killed: stop_all");
  EXPECT_EQ(guard.check(kRead).value().reason, "killed: stop_all");
  EXPECT_NE(guard.trouble().find(world.state.sentinel()), std::string::npos);
  EXPECT_EQ(before.permit().recheck().value().reason, "killed: stop_all") << "what was admitted before is not sent any more";
  EXPECT_TRUE(world.aside());
  EXPECT_TRUE(within([&] { return told == 1; }));

  world.remove();  // its end lifts nothing
  const std::uint64_t rounds = scan(world.state).at(0).rounds;
  EXPECT_TRUE(within([&] { return scan(world.state).at(0).rounds > rounds + 2; }));  // and it has looked again
  EXPECT_EQ(ask(guard, kRead), "killed: stop_all");
}

TEST(Sentinel, ItsRecordTakesItsPlace) {
  Watched world;
  Guard guard = Guard::open({.state = world.state.path});
  world.touch();
  ASSERT_TRUE(within([&] { return ask(guard, kRead) == "killed: stop_all"; }));
  world.record();
  ASSERT_TRUE(within([&] { return !world.aside(); }));
  EXPECT_EQ(ask(guard, kRead), "killed: stop_all") << "by the page now";
  EXPECT_FALSE(guard.admit(kRead).denial().stop.empty());
  EXPECT_EQ(guard.trouble(), "");
  world.remove();
  world.lift();
  EXPECT_EQ(ask(guard, kRead), "ok");
}

TEST(Sentinel, IsSeenBeforeTheFirstCall) {
  Watched world;
  world.touch();
  Guard guard = Guard::open({.state = world.state.path});
  EXPECT_EQ(ask(guard, kRead), "killed: stop_all");
}

TEST(Sentinel, StandsInWhateverShape) {
  Watched world;
  ASSERT_FALSE(sentinel_stands(world.state));
  std::filesystem::create_symlink("nowhere", world.state.sentinel());
  EXPECT_TRUE(sentinel_stands(world.state));
  world.remove();
  std::filesystem::create_directory(world.state.sentinel());
  EXPECT_TRUE(sentinel_stands(world.state));
}

TEST(Sentinel, WhatItDeniesIsCounted) {
  Watched world;
  Guard guard = Guard::open({.state = world.state.path});
  world.touch();
  ASSERT_TRUE(within([&] { return ask(guard, kRead) == "killed: stop_all"; }));
  for (int i = 0; i < 30; ++i) (void)ask(guard, kRead);
  bool alive = false;
  auto file = read_slots(world.state, scan(world.state).at(0).process, alive).value();
  std::uint64_t total = 0;
  for (const Tally& tally : file->tallies) total += tally.used.load() != 0 ? tally.total : 0;
  EXPECT_EQ(total, 31u);
}

TEST(Sentinel, AForkedChildStopsToo) {
  Watched world;
  Guard guard = Guard::open({.state = world.state.path});
  ASSERT_EQ(ask(guard, kRead), "ok");
  world.touch();
  ASSERT_TRUE(within([&] { return ask(guard, kRead) == "killed: stop_all"; }));
  pid_t child = fork();
  if (child == 0) _exit(ask(guard, kRead) == "killed: stop_all" ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// Standing aside is not leaving: what is in flight stays on every stop's list.
TEST(Sentinel, CallsInFlightStayListed) {
  Watched world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kRead);
  world.touch();
  ASSERT_TRUE(within([&] { return world.aside(); }));
  world.stop(Mode::stop_all, {});
  auto points = scan(world.state, world.publisher->word());
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].calls.size(), 1u);
  call.permit().done(Outcome::done);
  EXPECT_TRUE(scan(world.state).at(0).calls.empty());
}

}  // namespace
}  // namespace notaus::page
