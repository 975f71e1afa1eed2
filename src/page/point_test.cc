// A process as an enforcement point: who it says it is, and what its watcher does while pages and slot files come and go.
#include "page/point.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <set>
#include <thread>

#include "page/scan.h"
#include "page/spool.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

constexpr Call kFind{.tool = "crm.find"};

TEST(Point, SaysWhoItIsAndWhomItsCallsAreFor) {
  World world;
  Guard named = Guard::open({.state = world.state.path, .tenant = "acme", .agent = "mailer", .name = "worker"});
  Admission own = named.admit(kFind), others = named.admit({.tenant = "globex", .agent = "bot", .tool = "crm.find"});
  SeenPoint point = scan(world.state).at(0);
  EXPECT_EQ(point.name + " " + point.tenant + " " + point.agent, "worker acme mailer");
  std::set<std::string> calls;
  for (const SeenCall& call : point.calls) calls.insert(std::string(call.call().tenant) + "/" + std::string(call.call().agent));
  EXPECT_EQ(calls, (std::set<std::string>{"acme/mailer", "globex/bot"}));
  Guard nameless = Guard::open({.state = world.state.path});
  std::set<std::string> names;
  for (const SeenPoint& each : scan(world.state)) names.insert(each.name);
  EXPECT_EQ(names, (std::set<std::string>{"worker", program_invocation_short_name}));
}

TEST(Point, TellsOfEachFlipAndOfNothingElse) {
  World world;
  std::atomic<int> told = 0;
  Guard guard = Guard::open({.state = world.state.path, .on_change = [&] { ++told; }});
  const std::uint64_t rounds = scan(world.state).at(0).rounds;
  EXPECT_TRUE(within([&] { return scan(world.state).at(0).rounds > rounds + 1; })) << "its watcher lives";
  EXPECT_EQ(told, 0);
  world.stop(core::Mode::stop_all, {});
  world.publisher->wake();
  EXPECT_TRUE(within([&] { return told == 1; }));
}

// Whose watcher looks by itself only long after the test.
struct Asleep : testing::Test {
  Asleep() { Point::round = std::chrono::hours(1); }
  ~Asleep() override { Point::round = before; }
  std::chrono::milliseconds before = Point::round;
  World world;
  bool sleeps() {
    return within([&] { return scan(world.state).at(0).rounds > 0; });
  }
};
using PointAsleep = Asleep;

TEST_F(PointAsleep, LooksAtNothingUntilThen) {
  Guard guard = Guard::open({.state = world.state.path});
  ASSERT_TRUE(sleeps());
  Handle handle = guard.handle(kFind);
  auto looked = [&] {  // when its watcher last did
    Admission call = handle.admit();
    return scan(world.state).at(0).calls.at(0).entry.since;
  };
  const std::int64_t before = looked();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(looked(), before);
}

// Whoever drains waits for rounds, and takes it that all was told in one.
TEST_F(PointAsleep, CountsNoRoundInWhichItTellsTheRingAlone) {
  Guard guard = Guard::open({.state = world.state.path});
  ASSERT_TRUE(sleeps());
  constexpr std::uint64_t kCalls = 20;
  const std::uint64_t rounds = scan(world.state).at(0).rounds;
  const auto begun = wall_now();
  for (std::uint64_t i = 1; i <= kCalls; ++i) {
    Admission call = guard.admit({.tool = "email.send"});
    call.permit().done(Outcome::done);
    Admission wakes = guard.admit(kFind);
    (void)wakes.permit().stop_token();
    wakes.permit().done(Outcome::done);
    ASSERT_TRUE(within([&] { return spooled(world).size() == i; }));
  }
  const auto seconds = static_cast<std::uint64_t>((wall_now().ms - begun.ms) / 1000 + 2);  // in each all is told once
  EXPECT_LE(scan(world.state).at(0).rounds - rounds, seconds);
}

TEST_F(PointAsleep, IsWokenByAFlip) {
  std::atomic<int> told = 0;
  Guard guard = Guard::open({.state = world.state.path, .on_change = [&] { ++told; }});
  ASSERT_TRUE(sleeps());
  world.stop(core::Mode::stop_all, {});
  world.publisher->wake();
  EXPECT_TRUE(within([&] { return told == 1; }));
}

TEST_F(PointAsleep, IsWokenByALatchItsLiftAndItsPagesEnd) {
  std::atomic<int> told = 0;
  Guard guard = Guard::open({.state = world.state.path, .on_change = [&] { ++told; }});
  ASSERT_TRUE(sleeps());
  const std::uint64_t set = world.publisher->latch();
  EXPECT_TRUE(within([&] { return told == 1; }));
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), set));
  EXPECT_TRUE(within([&] { return told == 2; }));
  world.replace();
  EXPECT_TRUE(within([&] { return told == 3; }));
}

TEST_F(PointAsleep, IsWokenByACallThatIsToBeAskedToEnd) {
  Guard guard = Guard::open({.state = world.state.path});
  ASSERT_TRUE(sleeps());
  Admission call = guard.admit(kFind);
  world.says.stops.push_back({.id = new_id(), .mode = core::Mode::stop_all, .by = "ana", .grace = std::chrono::milliseconds(50)});
  world.publish();
  std::stop_token token = call.permit().stop_token();  // of which the flip could not know
  EXPECT_TRUE(within([&] { return token.stop_requested(); }));
}

TEST_F(PointAsleep, IsWokenByARingThatFillsAndByItsEnd) {
  const std::size_t calls = kCells / 2 + 1;
  {
    Guard guard = Guard::open({.state = world.state.path});
    ASSERT_TRUE(sleeps());
    for (std::size_t i = 0; i < calls; ++i) guard.admit({.tool = "email.send"}).permit().done(Outcome::done);
    EXPECT_TRUE(within([&] { return !list_segments(world.state).empty(); }));
  }
  EXPECT_EQ(spooled(world).size(), calls);
}

// It would have to wait for the watcher, which may be waiting for a disk.
TEST_F(PointAsleep, IsNotWokenByACallNorDoesThatAttachAnything) {
  std::filesystem::remove(world.state.page());
  Guard guard = Guard::open({.state = world.state.path});
  world.replace();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(guard, kFind), "killed: fenced:page_missing");
  Guard later = Guard::open({.state = world.state.path});
  EXPECT_EQ(ask(later, kFind), "ok");
}

TEST(Point, AttachesAnewWhenItsSlotFileIsGone) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  const std::string first = scan(world.state).at(0).process;
  std::filesystem::remove(world.state.slots() + "/" + first);
  EXPECT_TRUE(within([&] { return scan(world.state).size() == 1; }));
  EXPECT_NE(scan(world.state).at(0).process, first);
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "ok"; })) << "once it is attached, which is after its new file is there";
}

TEST(Point, WithoutRoomForASlotFileDeniesUntilThereIs) {
  World world;
  std::filesystem::remove_all(world.state.slots());
  Guard guard = Guard::open({.state = world.state.path});
  EXPECT_EQ(ask(guard, kFind), "killed: fenced:slots_full");
  EXPECT_TRUE(guard.trouble().starts_with("no slot file: ")) << guard.trouble();
  std::filesystem::create_directory(world.state.slots());
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "ok"; }));
  EXPECT_EQ(guard.trouble(), "");
}

TEST(Point, SaysWhichStateItMayNotEnter) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody who may not";
  World world;
  std::filesystem::permissions(world.state.path, std::filesystem::perms::owner_all);
  auto somebody = [&] {
    if (setuid(65534) != 0) _exit(3);
    Guard guard = Guard::open({.state = world.state.path});
    _exit(guard.trouble().contains("you may not") && ask(guard, kFind) == "killed: fenced:page_missing" ? 7 : 1);
  };
  EXPECT_EXIT(somebody(), testing::ExitedWithCode(7), "");
}

// ENOSYS of an old kernel, EPERM of a sandbox that is older than the call.
void without_futex_waitv(int error) {
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_waitv, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(filter), const_cast<sock_filter*>(filter)};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(3);
}

// 0: told of a flip, in as many rounds as have room for a sleep each.
int looks_often_without_being_woken(int error) {
  World world;
  without_futex_waitv(error);
  const auto begun = std::chrono::steady_clock::now();
  std::atomic<int> told = 0;
  Guard guard = Guard::open({.state = world.state.path, .on_change = [&] { ++told; }});
  auto rounds = [&] { return static_cast<std::int64_t>(scan(world.state).at(0).rounds); };
  if (!within([&] { return rounds() >= 3; })) return 4;
  world.stop(core::Mode::stop_all, {});
  if (ask(guard, kFind) != "killed: stop_all" || !within([&] { return told == 1; })) return 5;
  const std::int64_t seen = rounds();
  return seen <= 1 + (std::chrono::steady_clock::now() - begun) / std::chrono::milliseconds(50) ? 0 : 6;
}

TEST(Point, LooksOftenWhereItCannotBeWoken) {
  for (int error : {ENOSYS, EPERM})
    EXPECT_EXIT(_exit(looks_often_without_being_woken(error)), testing::ExitedWithCode(0), "") << error;
}

TEST(Point, KnowsTheTimeWithoutAskingForIt) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Handle handle = guard.handle(kFind);
  const std::int64_t later = wall_now().ms + 50;
  EXPECT_TRUE(within([&] {
    Admission call = handle.admit();
    return scan(world.state).at(0).calls.at(0).entry.since >= later;
  }));
}

// Or its first call would wait for a disk.
TEST(Point, HasTheKeyOfItsTenantBeforeTheFirstCall) {
  World world;
  ASSERT_TRUE(std::filesystem::is_empty(world.state.keys()));
  Guard guard = Guard::open({.state = world.state.path, .tenant = "acme"});
  EXPECT_FALSE(std::filesystem::is_empty(world.state.keys()));
}

TEST(Point, ForgetsAKeyThatWasDestroyed) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  auto digest = [&] {
    Admission call = guard.admit({.tenant = "acme", .tool = "email.send", .args = "{}"});
    return std::to_array(scan(world.state).at(0).calls.at(0).entry.digest);
  };
  const auto first = digest();
  EXPECT_EQ(digest(), first);
  std::filesystem::remove_all(world.state.keys());
  std::filesystem::create_directory(world.state.keys());
  EXPECT_TRUE(within([&] { return digest() != first; }));
}

// No stop reaches a page that nobody can find.
TEST(Point, SendsNothingThatADeletedPageAdmitted) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kFind), kept = guard.admit(kFind);
  EXPECT_FALSE(kept.permit().recheck());
  std::filesystem::remove(world.state.page());
  ASSERT_TRUE(within([&] { return ask(guard, kFind) == "killed: fenced:page_missing"; }));
  EXPECT_TRUE(call.permit().recheck());
}

TEST(Point, LeavesAReplacedPageWhenItsLastCallThereHasEnded) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission old = guard.admit(kFind);
  world.replace();
  ASSERT_TRUE(within([&] { return ask(guard, kFind) == "ok"; }));
  EXPECT_EQ(old.permit().recheck().value().reason, "killed: fenced:page_missing") << "that page is not published any more";
  EXPECT_TRUE(within([&] { return scan(world.state).size() == 1; }));
  Admission fresh = guard.admit(kFind);
  world.replace();
  ASSERT_TRUE(within([&] { return ask(guard, kFind) == "ok"; }));
  EXPECT_EQ(scan(world.state).size(), 2u) << "a call is in flight there";
  fresh.permit().done(Outcome::done);
  EXPECT_TRUE(within([&] { return scan(world.state).size() == 1; }));
}

TEST(Point, LeavesNothingBehindWhenAllIsTold) {
  World world;
  {
    Guard guard = Guard::open({.state = world.state.path});
    EXPECT_EQ(ask(guard, {.tool = "email.send"}), "ok");
  }
  EXPECT_TRUE(scan(world.state).empty());
  auto segments = list_segments(world.state);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_TRUE(read_segment(segments[0], 0));
  EXPECT_TRUE(segments[0].closed) << "so that whoever has read it may remove it";
}

}  // namespace
}  // namespace notaus::page
