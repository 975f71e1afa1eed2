// A process that forks: whose calls are whose, and who looks after them.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <thread>
#include <utility>

#include <notaus/guard.hpp>

#include "page/scan.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

// A forked child that does this and ends; does it say so? One that hangs is ended.
bool child_says(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(work() ? 7 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

TEST(Fork, AChildIsAPointOfItsOwn) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission parents = guard.admit(kSend);
  ASSERT_TRUE(parents);
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  pid_t child = fork();
  if (child == 0) {
    parents.permit().done(Outcome::done);  // a copy: it must not end the parent's call
    Admission own = guard.admit(kFind);
    char answer = own ? 'y' : 'n';
    (void)!write(report[1], &answer, 1);
    pause();
    _exit(0);
  }
  char answer = '?';
  ASSERT_EQ(read(report[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(scan(world.state).size(), 2u);
  auto points = scan(world.state);
  for (const SeenPoint& point : points) EXPECT_EQ(point.calls.size(), 1u);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  points = scan(world.state);
  EXPECT_EQ(std::ranges::count(points, true, &SeenPoint::alive), 1);  // the child's death is seen, the parent lives
}

TEST(Fork, AParentKilledWhileItsChildLivesIsSeenDead) {
  World world;
  int childs[2];
  ASSERT_EQ(pipe(childs), 0);
  pid_t parent = fork();
  if (parent == 0) {
    Guard guard = Guard::open({.state = world.state.path});
    Admission admission = guard.admit(kSend);
    if (fork() == 0) {
      const pid_t self = getpid();
      (void)!write(childs[1], &self, sizeof self);
      while (true) pause();
    }
    kill(getpid(), SIGKILL);
  }
  waitpid(parent, nullptr, 0);
  pid_t child = -1;
  ASSERT_EQ(read(childs[0], &child, sizeof child), ssize_t{sizeof child});
  EXPECT_TRUE(within([&] { return !scan(world.state).at(0).alive; }));
  EXPECT_EQ(kill(child, SIGKILL), 0) << "it has lived until now";
  auto points = scan(world.state);
  ASSERT_EQ(points[0].calls.size(), 1u);
  EXPECT_EQ(outcome_now(world.state, points[0].calls[0]), Outcome::unknown);
}

TEST(Fork, AChildHasAWatcherOfItsOwn) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  EXPECT_TRUE(child_says([&] {
    const std::string parents = scan(world.state).at(0).process;
    if (ask(guard, kFind) != "ok") return false;
    return within([&] {
      const auto points = scan(world.state);
      return std::ranges::any_of(points, [&](const SeenPoint& point) { return point.process != parents && point.rounds > 2; });
    });
  }));
}

TEST(Fork, AChildTellsNothingOfItsParent) {
  World world;
  const auto before = std::exchange(Point::round, std::chrono::hours(1));
  {
    Guard guard = Guard::open({.state = world.state.path});
    ASSERT_TRUE(within([&] { return scan(world.state).at(0).rounds > 0; }));
    ASSERT_EQ(ask(guard, kSend), "ok");
    EXPECT_TRUE(child_says([&] {
      const std::string parents = scan(world.state).at(0).process;
      if (ask(guard, kFind) != "ok") return false;
      auto told = [&] {
        const auto points = scan(world.state);
        return std::ranges::any_of(points, [&](const SeenPoint& point) { return point.process != parents && point.rounds > 0; });
      };
      return within(told) && spooled(world).empty();
    }));
  }
  EXPECT_EQ(spooled(world).size(), 1u) << "the parent does, at its end";
  Point::round = before;
}

TEST(Fork, AChildWhoseParentHadNoPageWaitsForOneByItself) {
  World world;
  std::filesystem::remove(world.state.page());
  Guard guard = Guard::open({.state = world.state.path});
  EXPECT_TRUE(child_says([&] {
    for (int i = 0; i < 3; ++i)
      if (ask(guard, kFind) != "killed: fenced:page_missing") return false;
    world.replace();
    return within([&] { return ask(guard, kFind) == "ok"; });
  }));
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "ok"; })) << "and so does its parent";
}

TEST(Fork, AChildThatFindsNoPageIsDeniedUntilThereIsOne) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  ASSERT_EQ(ask(guard, kFind), "ok");
  EXPECT_TRUE(child_says([&] {
    std::filesystem::remove(world.state.page());
    for (int i = 0; i < 3; ++i)
      if (ask(guard, kFind) != "killed: fenced:page_missing") return false;
    world.replace();
    return within([&] { return ask(guard, kFind) == "ok"; });
  }));
}

// Whatever its threads are at, and its watcher above all.
TEST(Fork, AtAnyMomentLeavesTheChildNoLockThatNobodyHolds) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  std::atomic<bool> over = false;
  std::thread busy([&] {
    while (!over) {
      for (int i = 0; i < 300; ++i) (void)ask(guard, kSend);  // half a ring and more: there is always something to report
      (void)guard.trouble();
    }
  });
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(child_says([&] { return ask(guard, kFind) == "ok" && guard.trouble().empty(); })) << i;
  over = true;
  busy.join();
}

}  // namespace
}  // namespace notaus::page
