// Calls in flight: whose slot is whose, what a scan makes of it, and what a stop covers.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <notaus/guard.hpp>

#include "page/scan.h"
#include "page/slots.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

std::string tools_in_flight(const World& world) {
  std::string out;
  for (const SeenPoint& point : scan(world.state))
    for (const SeenCall& call : point.calls) out += (out.empty() ? "" : " ") + std::string(call.call().tool);
  return out;
}

core::Snapshot snapshot_of(const core::State& state, std::vector<std::uint64_t>& image) {
  image = core::flatten(state, kImageMax).value();
  return core::Snapshot::trust(core::bytes_of(image));
}

TEST(Slots, ACallIsListedByItsOwnNamesWhoeverHadTheSlotBefore) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Handle send = guard.handle(kSend), find = guard.handle(kFind);
  auto use_every_slot = [&] {
    std::vector<Admission> all;
    for (std::uint32_t i = 0; i < kSlots; ++i) all.push_back(guard.admit({.tenant = "acme", .tool = "crm.list"}));
    return guard.admit({.tenant = "acme", .tool = "crm.drop"}).denial().why == Why::slots_full;
  };
  struct Row {
    const char* tool;
    std::function<Admission()> admit;
  } rows[] = {
      {"email.send", [&] { return send.admit(); }},
      {"email.send", [&] { return send.admit(); }},  // again, by the names that are there
      {"crm.find", [&] { return find.admit(); }},
      {"email.send", [&] { return send.admit(); }},
      {"crm.list", [&] { return guard.admit({.tenant = "acme", .tool = "crm.list"}); }},
      {"email.send", [&] { return send.admit(); }},
      {"crm.find", [&] { return find.admit(); }},
      {"email.send",
       [&] {
         EXPECT_TRUE(use_every_slot());
         return send.admit();
       }},
  };
  for (const Row& row : rows) {
    Admission admission = row.admit();
    ASSERT_TRUE(admission);
    EXPECT_EQ(tools_in_flight(world), row.tool);
    admission.permit().done(Outcome::done);
    EXPECT_EQ(tools_in_flight(world), "");
  }
}

TEST(Slots, AClaimEndsItsOwnCallAndNoLaterOne) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Claim first = slots->claim(kSend, 1).value();
  EXPECT_TRUE(slots->finish(first, Outcome::done));
  EXPECT_FALSE(slots->finish(first, Outcome::done));
  slots->free(first);
  Claim second = slots->claim(kSend, 2).value();
  ASSERT_EQ(first.slot, second.slot);  // calls of one name come back to one place
  EXPECT_FALSE(slots->finish(first, Outcome::done));
  EXPECT_EQ(tools_in_flight(world), "email.send");
  EXPECT_TRUE(slots->finish(second, Outcome::done));
}

TEST(Slots, AForkedChildNeitherEndsNorSendsItsParentsCalls) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission parents = guard.admit(kSend);
  ASSERT_TRUE(parents);
  EXPECT_FALSE(parents.permit().recheck());  // control: in its own process it may go
  pid_t child = fork();
  if (child == 0) _exit(parents.permit().recheck() ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(tools_in_flight(world), "email.send");
}

TEST(Slots, ARecheckThatDeniesEndsTheCall) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission send = guard.admit(kSend), find = guard.admit(kFind);
  EXPECT_FALSE(send.permit().recheck());
  world.publisher->latch();
  EXPECT_EQ(send.permit().recheck()->reason, "killed: stop_all");
  EXPECT_EQ(tools_in_flight(world), "crm.find");
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), world.publisher->kept()));
  EXPECT_FALSE(find.permit().recheck());
}

TEST(Slots, ARecheckOfANameTooLongToRememberDeniesOnceThePageHasMoved) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  const std::string longer = "email." + std::string(200, 'x');
  Call call{.tenant = "acme", .tool = longer};
  Admission cut = guard.admit(call), whole = guard.admit(kSend);
  ASSERT_TRUE(cut);
  EXPECT_FALSE(cut.permit().recheck());  // nothing has moved
  world.publish();
  EXPECT_FALSE(whole.permit().recheck());
  EXPECT_EQ(cut.permit().recheck()->reason.substr(0, 26), "killed: fenced:guard_fault");
}

TEST(Scan, CoversWhatAStopWouldDeny) {
  core::State state;
  state.epoch = new_epoch();
  state.catalogue = {{"crm.find", Effect::read}};
  std::vector<std::uint64_t> image;
  core::Snapshot snapshot = snapshot_of(state, image);
  const std::string long_tenant(80, 't'), long_tool = "email." + std::string(200, 'x');
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
      {{.selector = {.tool = "crm.find"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = "crm.find"}, true},
      {{.selector = {.tool = "crm.find"}, .mode = Mode::disable_tool}, {.tenant = "acme", .tool = "crm.list"}, false},
  };
  for (const Row& row : rows) {
    SeenCall seen{"p", 0, 0, {}};
    set_name(seen.entry.tenant, row.call.tenant);
    set_name(seen.entry.agent, row.call.agent);
    set_name(seen.entry.tool, row.call.tool);
    seen.entry.write = row.call.effect == Effect::write;
    EXPECT_EQ(covers(row.stop, seen, snapshot), row.covered)
        << core::text(row.stop.selector) << " " << core::text(row.stop.mode) << " " << row.call.tool;
  }
}

TEST(Scan, ListsEachCallThatTheFlipFoundInFlightOnce) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission before = guard.admit(kSend);
  before.permit().done(Outcome::done);  // ended before the flip: not on the list
  Admission between = guard.admit(kSend), still = guard.admit(kSend);
  world.stop(Mode::stop_all, {});
  const std::string ended = between.permit().id();
  between.permit().done(Outcome::done);
  auto points = scan(world.state, world.publisher->word());
  ASSERT_EQ(points.size(), 1u);
  std::set<std::string> ids;
  for (const SeenCall& call : points[0].calls) ids.insert(call.id());
  EXPECT_EQ(points[0].calls.size(), 2u);
  EXPECT_EQ(ids, (std::set<std::string>{ended, still.permit().id()}));
}

// Its owner is between finish() and free(): slot and ring both tell of the call.
TEST(Scan, ACallInSlotAndRingIsListedOnce) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Claim claim = slots->claim(kSend, 1).value();
  slots->entry(claim.slot).word = world.publisher->word();
  world.stop(Mode::stop_all, {});
  ASSERT_TRUE(slots->finish(claim, Outcome::done));
  ASSERT_TRUE(slots->push(claim, {Fact::ended, Outcome::done, Why::allowed, {}, world.publisher->word(), 1}));
  auto points = scan(world.state, world.publisher->word());
  ASSERT_EQ(points.at(0).calls.size(), 1u);
  EXPECT_EQ(points[0].calls[0].outcome, Outcome::done);
}

}  // namespace
}  // namespace notaus::page
