// Calls followed to their end, and ended by `stop --cancel`.
#include "control/drain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include <notaus/guard.hpp>

#include "control/resume.h"
#include "control/stop.h"
#include "host/test_world.h"

namespace notaus::control {
namespace {

using core::Mode;
using host::World;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .tool = "email.send"};

Guard point(const World& world) { return Guard::open({.state = world.site.state.path, .tenant = "acme", .agent = "mailer"}); }

StopRequest ending(std::chrono::milliseconds grace) {
  return {.selector = {.tenant = "acme"},
          .mode = Mode::stop_all,
          .reason = "duplicate mails",
          .by = "ana",
          .grace = grace,
          .at_most = 3s};
}

TEST(Drain, FollowsCallsInScopeToTheirEnd) {
  World world;
  Guard guard = point(world);
  Admission mine = guard.admit(kSend), other = guard.admit({.tenant = "globex", .agent = "mailer", .tool = "crm.find"});
  const std::string id = mine.permit().id();
  std::vector<std::size_t> progress;
  std::atomic<bool> told = false;
  std::thread ends([&] {
    while (!told) std::this_thread::yield();
    mine.permit().done(Outcome::done);
  });
  Drained drained =
      drain(world.site, {.selector = {.tenant = "acme"}, .progress = [&](std::size_t n) { progress.push_back(n), told = true; }});
  ends.join();
  EXPECT_EQ(drained.exit, kDone);
  ASSERT_EQ(drained.calls.size(), 1u);
  EXPECT_EQ(drained.calls[0].call.id(), id);
  EXPECT_EQ(drained.calls[0].call.outcome, Outcome::done);
  EXPECT_EQ(progress, (std::vector<std::size_t>{1, 0}));
}

TEST(Drain, SaysWhatRemains) {
  World world;
  Guard guard = point(world);
  Admission call = guard.admit(kSend);
  Drained drained = drain(world.site, {.timeout = 0ms});
  EXPECT_EQ(drained.exit, kCallsRemain);
  EXPECT_EQ(drained.remaining, 1u);
  EXPECT_EQ(drained.calls.at(0).call.outcome, Outcome::running);
}

TEST(Drain, APointThatCannotBeReadIsNotDrained) {
  World world;
  std::ofstream(world.site.state.slots() + "/broken") << "x";
  Drained drained = drain(world.site, {.timeout = 0ms});
  EXPECT_EQ(drained.exit, kCallsRemain);
  EXPECT_FALSE(drained.complete);
  EXPECT_EQ(drained.warnings.size(), 1u);
}

TEST(Cancel, IsInTheRecordInTheLedgerAndOnThePage) {
  World world;
  Guard guard = point(world);
  Admission call = guard.admit(kSend);
  StopRequest request = ending(60s);
  request.wait = Wait::not_at_all;
  Report report = stop(world.site, request);
  EXPECT_EQ(report.record.grace, std::optional(60'000ms));
  EXPECT_EQ(host::open_ledger(world.site, host::kPatience).value()->read()->stops.at(0).grace, std::optional(60'000ms));
  auto cancelled = call.permit().cancellation();
  ASSERT_TRUE(cancelled);
  EXPECT_LE(cancelled->at, boot_now().ns + 60'000'000'000);
  EXPECT_EQ(cancelled->denial.stop, report.record.id);
  host::sync(world.site, host::kPatience).value();
  EXPECT_EQ(call.permit().cancellation()->at, cancelled->at) << "looking at it gives no more time";
}

TEST(Cancel, ACallThatEndsWhenAskedIsReportedAsItEnded) {
  World world;
  Guard guard = point(world);
  Admission call = guard.admit(kSend);
  std::stop_callback ends(call.permit().stop_token(), [&] { call.permit().done(Outcome::done); });
  Report report = stop(world.site, ending(0ms));
  ASSERT_EQ(report.in_flight.size(), 1u);
  EXPECT_EQ(report.in_flight[0].call.outcome, Outcome::done);
}

TEST(Cancel, ACallThatDoesNotEndIsReportedAsRunning) {
  World world;
  Guard guard = point(world);
  Admission call = guard.admit(kSend);
  Report report = stop(world.site, ending(0ms));
  EXPECT_EQ(report.exit, kDone) << "no call has been admitted since: that is confirmed, whatever this one does";
  EXPECT_EQ(report.in_flight.at(0).call.outcome, Outcome::running);
}

TEST(Cancel, ARepeatEndsWhatTheFirstLetGoOnWithALedgerAndWithout) {
  for (const char* ledger : {"there", "lost"}) {
    World world;
    Guard guard = point(world);
    Admission call = guard.admit(kSend);
    StopRequest request = ending(60s);
    request.wait = Wait::not_at_all;
    request.grace.reset();
    const Report first = stop(world.site, request);
    EXPECT_FALSE(call.permit().cancellation());
    if (ledger == std::string_view("lost")) world.lose_ledger();
    request.grace = 60s;
    EXPECT_EQ(stop(world.site, request).record.id, first.record.id);
    auto cancelled = call.permit().cancellation();
    ASSERT_TRUE(cancelled) << ledger;
    EXPECT_TRUE(cancelled->denial.stop.starts_with(first.record.id)) << ledger;
  }
}

// The clock of the last boot says nothing about this one.
TEST(Cancel, AfterARebootItsGraceBeginsAgain) {
  World world;
  StopRequest request = ending(60s);
  request.wait = Wait::not_at_all;
  stop(world.site, request);
  auto kept = page::read_durable(world.site.state)->state;
  kept.stops.at(0).cancel_at = {boot_now().ns + 1'000'000'000'000'000};
  ++kept.revision;  // so that it is newer than what is there
  ASSERT_TRUE(page::write_durable(world.site.state, kept, host::kPatience));
  world.lose_page();
  world.lose_ledger();
  const core::State shown = host::sync(world.site, host::kPatience)->state;
  ASSERT_EQ(shown.stops.size(), 1u);
  EXPECT_LE(shown.stops[0].cancel_at.ns, boot_now().ns + 60'000'000'000);
  EXPECT_GT(shown.stops[0].cancel_at.ns, 0);
}

TEST(Cancel, ALatchEndsNothingAndSaysSo) {
  World world;
  Guard guard = point(world);
  Admission call = guard.admit(kSend);
  auto lock = world.lock();
  Report report = stop(world.site, ending(0ms));
  EXPECT_FALSE(call.permit().cancellation());
  EXPECT_TRUE(std::ranges::any_of(report.warnings, [](const std::string& line) { return line.contains("not asked to end"); }));
}

}  // namespace
}  // namespace notaus::control
