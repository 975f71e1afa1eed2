// What a slot tells of its call, and which of them a stop wants ended.
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <thread>

#include "page/cancel.h"
#include "page/entry.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .tool = "email.send"};

core::Snapshot snapshot_of(const core::State& state, std::vector<std::uint64_t>& image) {
  image = core::flatten(state, kImageMax).value();
  return core::Snapshot::open(core::bytes_of(image)).value();
}

core::Stop ending(World& world, Mode mode, core::Selector selector, std::chrono::milliseconds grace) {
  core::Stop stop{.id = new_id(), .selector = std::move(selector), .mode = mode, .by = "ana", .grace = grace};
  world.says.stops.push_back(stop);
  world.publish();
  return stop;
}

TEST(Entry, IsCoveredByWhatWouldDenyIt) {
  core::State state;
  state.epoch = new_epoch();
  state.catalogue = {{"crm.find", Effect::read}};
  std::vector<std::uint64_t> image;
  core::Snapshot snapshot = snapshot_of(state, image);
  const std::string long_tenant(80, 't'), other_tenant(80, 'u'), longer_tenant(81, 't'),
      long_tool = "email." + std::string(200, 'x');
  struct Row {
    core::Stop stop;
    Call call;
    bool covered;
  } rows[] = {
      {{.mode = Mode::stop_all}, {.tenant = "acme", .tool = "crm.find"}, true},
      {{.mode = Mode::disable_writes}, {.tenant = "acme", .tool = "crm.find"}, false},
      {{.mode = Mode::disable_writes}, {.tenant = "acme", .tool = "crm.find", .effect = Effect::write}, true},
      {{.mode = Mode::disable_writes}, {.tenant = "acme", .tool = "email.send"}, true},  // the catalogue does not know it: a write
      {{.mode = Mode::disable_writes}, {.tenant = "acme"}, false},  // a step of the run loop
      {{.selector = {.tenant = "acme"}, .mode = Mode::stop_all}, {.tenant = "acme", .tool = "x"}, true},
      {{.selector = {.tenant = "acme"}, .mode = Mode::stop_all}, {.tenant = "globex", .tool = "x"}, false},
      {{.selector = {.tenant = "acme"}, .mode = Mode::stop_all}, {.tool = "x"}, true},
      {{.selector = {.tenant = long_tenant}, .mode = Mode::stop_all}, {.tenant = long_tenant, .tool = "x"}, true},
      {{.selector = {.agent = long_tenant}, .mode = Mode::stop_all}, {.tenant = "acme", .agent = long_tenant, .tool = "x"}, true},
      {{.selector = {.tool = long_tool}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = long_tool}, true},
      {{.selector = {.tenant = long_tenant}, .mode = Mode::stop_all}, {.tenant = other_tenant, .tool = "x"}, false},
      {{.selector = {.tenant = long_tenant}, .mode = Mode::stop_all}, {.tenant = longer_tenant, .tool = "x"}, false},
      {{.selector = {.tool = long_tool + "y"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = long_tool}, false},
      {{.selector = {.tool = "email.*"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = long_tool}, true},
      {{.selector = {.tool = long_tool.substr(0, 150) + ".*"}, .mode = Mode::disable_tool},
       {.tool = long_tool},
       true},  // it may be
      {{.selector = {.tool = "crm.*"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = long_tool}, false},
      {{.selector = {.tool = "crm.find"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = "crm.find"}, true},
      {{.selector = {.tool = "crm.find"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = "crm.list"}, false},
  };
  for (const Row& row : rows) {
    Entry entry{};
    set_name(entry.tenant, row.call.tenant);
    set_name(entry.agent, row.call.agent);
    set_name(entry.tool, row.call.tool);
    entry.write = row.call.effect == Effect::write;
    EXPECT_EQ(covers(row.stop, entry, snapshot), row.covered)
        << core::text(row.stop.selector) << " " << core::text(row.stop.mode) << " " << row.call.tool;
  }
}

TEST(Cancellation, IsWantedByAStopThatCoversTheCallAndSaysSo) {
  struct Row {
    const char* what;
    Mode mode;
    core::Selector selector;
    bool cancels;
    const char* reason;
  } rows[] = {
      {"all of a tenant", Mode::stop_all, {.tenant = "acme"}, true, "killed: stop_all"},
      {"its writes", Mode::disable_writes, {.tenant = "acme"}, true, "killed: writes_disabled:email.send"},
      {"its tool", Mode::disable_tool, {.tool = "email.*"}, true, "killed: tool_disabled:email.send"},
      {"another tenant", Mode::stop_all, {.tenant = "globex"}, false, ""},
      {"another tool", Mode::disable_tool, {.tool = "crm.find"}, false, ""},
  };
  for (const Row& row : rows) {
    World world;
    Guard guard = Guard::open({.state = world.state.path});
    Admission call = guard.admit(kSend);
    EXPECT_FALSE(call.permit().cancellation()) << row.what << ": nothing is stopped";
    const core::Stop stop = ending(world, row.mode, row.selector, std::chrono::milliseconds(5000));
    auto cancelled = call.permit().cancellation();
    ASSERT_EQ(cancelled.has_value(), row.cancels) << row.what;
    if (!cancelled) continue;
    EXPECT_EQ(cancelled->denial.reason, row.reason);
    EXPECT_EQ(cancelled->denial.stop, stop.id);
    EXPECT_GT(cancelled->at, boot_now().ns + 3'000'000'000) << "the grace is not over";
    EXPECT_LE(cancelled->at, boot_now().ns + 5'000'000'000);
    world.resume_all();
    EXPECT_FALSE(call.permit().cancellation()) << row.what << ": resumed";
  }
}

TEST(Cancellation, AReadIsNotEndedByWhatStopsWrites) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission read = guard.admit({.tenant = "acme", .agent = "a", .tool = "crm.find"});
  ending(world, Mode::disable_writes, {}, {});
  EXPECT_FALSE(read.permit().cancellation());
  ending(world, Mode::stop_all, {}, {});
  EXPECT_TRUE(read.permit().cancellation());
}

TEST(Cancellation, AStopWithoutAGraceEndsNothing) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  world.stop(Mode::stop_all, {});
  EXPECT_FALSE(call.permit().cancellation());
}

TEST(Cancellation, TheEarliestOfSeveralStopsCounts) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  ending(world, Mode::stop_all, {}, std::chrono::seconds(60));
  ending(world, Mode::stop_all, {.tenant = "globex"}, {});
  const core::Stop soon = ending(world, Mode::disable_writes, {.tenant = "acme"}, std::chrono::seconds(1));
  ending(world, Mode::stop_all, {.agent = "mailer"}, std::chrono::seconds(30));
  EXPECT_EQ(call.permit().cancellation().value().denial.stop, soon.id);
}

// A publication later does not give the calls more time.
TEST(Cancellation, ItsDeadlineIsCountedOnce) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  ending(world, Mode::stop_all, {}, std::chrono::seconds(60));
  const std::int64_t at = call.permit().cancellation().value().at;
  world.stop(Mode::stop_all, {.tenant = "globex"});
  EXPECT_EQ(call.permit().cancellation().value().at, at);
}

TEST(Cancellation, IsNotReadFromAPageThatIsTorn) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  const core::Stop stop = ending(world, Mode::stop_all, {}, {});
  LivePage page = LivePage::open(world.state, Access::write).value();
  std::byte& last = page.half(page.head().word.load())[kHalfHead + core::flatten(world.says, kImageMax)->size() * 8 - 1];
  last ^= std::byte{1};
  EXPECT_FALSE(call.permit().cancellation());
  last ^= std::byte{1};
  EXPECT_EQ(call.permit().cancellation().value().denial.stop, stop.id);
}

TEST(Cancellation, IsNoneInAForkedChild) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  ending(world, Mode::stop_all, {}, {});
  EXPECT_EXIT(_exit(call.permit().cancellation() ? 1 : 7), testing::ExitedWithCode(7), "");  // the call is its parent's
  EXPECT_TRUE(call.permit().cancellation());
}

TEST(Cancellation, AStopThatDoesNotFitStopsEverythingAndEndsNothing) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  for (int i = 0; i < 1200; ++i)
    world.says.stops.push_back({.id = new_id(), .mode = Mode::stop_all, .reason = new_id() + std::string(1000, 'x'), .by = "ana"});
  for (core::Stop& stop : world.says.stops) stop.selector.tenant = "t" + stop.id;
  world.publish();
  core::Stop big{.id = new_id(),
                 .selector = {.tenant = "globex"},
                 .mode = Mode::stop_all,
                 .reason = std::string(400'000, 'x'),
                 .grace = std::chrono::milliseconds(0)};
  world.says = world.publisher->add_local(world.lock(), big).value();
  EXPECT_EQ(reason(guard.admit(kSend).denial().why, ""), "killed: stop_all") << "all of it is stopped";
  EXPECT_FALSE(call.permit().cancellation()) << "a call of acme is not ended by a stop of globex";
}

struct Heard {
  std::mutex mutex;
  std::condition_variable changed;
  bool asked = false;
  void ask() {
    std::scoped_lock hold(mutex);
    asked = true;
    changed.notify_all();
  }
  bool within(std::chrono::seconds patience) {
    std::unique_lock hold(mutex);
    return changed.wait_for(hold, patience, [&] { return asked; });
  }
};

TEST(StopToken, IsAskedWhenTheGraceIsOverAndOnlyThenAndOnlyThatCall) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission mine = guard.admit(kSend), other = guard.admit({.tenant = "globex", .agent = "mailer", .tool = "email.send"});
  Heard heard, others;
  std::stop_callback listen(mine.permit().stop_token(), [&] { heard.ask(); });
  std::stop_callback overhear(other.permit().stop_token(), [&] { others.ask(); });
  const std::int64_t before = boot_now().ns;
  ending(world, Mode::stop_all, {.tenant = "acme"}, std::chrono::milliseconds(300));
  ASSERT_TRUE(heard.within(std::chrono::seconds(20)));
  EXPECT_GE(boot_now().ns - before, 300'000'000);
  EXPECT_FALSE(others.asked);
}

TEST(StopToken, OfACallThatIsDueAlreadyIsAskedToo) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission call = guard.admit(kSend);
  ending(world, Mode::stop_all, {}, std::chrono::milliseconds(0));
  Heard heard;
  std::stop_callback listen(call.permit().stop_token(), [&] { heard.ask(); });
  EXPECT_TRUE(heard.within(std::chrono::seconds(20)));
}

TEST(StopToken, IsAskedAtItsTimeAndNotBefore) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Cancels cancels;
  auto due = [](const Claim&) { return std::optional(BootTime{5}); };
  std::stop_token token = cancels.token(slots->claim(kSend, 1).value());
  EXPECT_EQ(cancels.ask(slots->file(), due, {4}), BootTime{5}) << "when to come again";
  EXPECT_FALSE(token.stop_requested());
  EXPECT_EQ(cancels.ask(slots->file(), due, {5}), std::nullopt);
  EXPECT_TRUE(token.stop_requested());
}

TEST(StopToken, OfACallThatEndedIsNotTakenForTheNextInItsSlot) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Cancels cancels;
  auto due = [](const Claim&) { return std::optional(BootTime{1}); };
  Claim first = slots->claim(kSend, 1).value();
  std::stop_token ended = cancels.token(first);
  ASSERT_TRUE(slots->finish(first, Outcome::done));
  slots->free(first);
  Claim second = slots->claim(kSend, 1).value();
  ASSERT_EQ(second.slot, first.slot);
  EXPECT_EQ(cancels.ask(slots->file(), due, {2}), std::nullopt);
  EXPECT_FALSE(ended.stop_requested());
  std::stop_token running = cancels.token(second);
  EXPECT_EQ(cancels.ask(slots->file(), due, {2}), std::nullopt);
  EXPECT_FALSE(ended.stop_requested());
  EXPECT_TRUE(running.stop_requested());
}

TEST(StopToken, GoesToAFunctionThatTakesOne) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  bool could_be_asked = false, ran = false;
  EXPECT_FALSE(guard.call(kSend, [&](const std::stop_token& stop) { could_be_asked = stop.stop_possible(); }));
  EXPECT_FALSE(guard.call(kSend, [&] { ran = true; }));
  EXPECT_TRUE(could_be_asked && ran);
}

}  // namespace
}  // namespace notaus::page
