// Who leaves between a flip and the look at the slots, and what is still known of it.
#include "control/departed.h"

#include <gtest/gtest.h>

#include <set>

#include <notaus/guard.hpp>

#include "base/json.h"
#include "host/test_world.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

using host::World;

Guard open(const World& world, std::string agent) {
  return Guard::open({.state = world.site.state.path, .tenant = "acme", .agent = std::move(agent)});
}

constexpr Call kSend{.run = "run-7", .tool = "email.send", .effect = Effect::write};

void one_call(const World& world, std::string agent) {
  Guard guard = open(world, std::move(agent));
  guard.admit(kSend).permit().done(Outcome::done);
}

std::vector<page::SeenPoint> departed_since(const World& world, const Eve& eve) {
  return departed(world.site.state, eve, page::scan(world.site.state));
}

TEST(Departed, NobodyIfNobodyLeaves) {
  World world;
  Guard stays = open(world, "stays");
  const Eve eve = eve_of(world.site.state);
  EXPECT_EQ(eve.processes.size(), 1u);
  stays.admit(kSend).permit().done(Outcome::done);
  EXPECT_TRUE(departed_since(world, eve).empty());
}

TEST(Departed, OneThatSaysNothingIsStillKnownToHaveBeenThere) {
  World world;
  Eve eve;
  {
    Guard leaves = open(world, "leaves");
    eve = eve_of(world.site.state);
  }
  auto left = departed_since(world, eve);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].process, eve.processes.at(0));
  EXPECT_TRUE(left[0].left && !left[0].alive && left[0].calls.empty());
}

TEST(Departed, CallsOfTheFlipAreListedAsTheyEnded) {
  World world;
  Eve eve;
  {
    Guard leaves = open(world, "mailer");
    Admission sent = leaves.admit(kSend), unsent = leaves.admit(kSend);
    eve = eve_of(world.site.state);
    world.stop_here("acme");
    sent.permit().done(Outcome::done);
    unsent.permit().done(Outcome::not_sent);
    EXPECT_FALSE(leaves.admit(kSend));  // is no call in flight
  }
  auto left = departed_since(world, eve);
  ASSERT_EQ(left.size(), 1u);
  ASSERT_EQ(left[0].calls.size(), 2u);
  std::set<Outcome> outcomes;
  for (const page::SeenCall& seen : left[0].calls) {
    const Call call = seen.call();
    EXPECT_EQ(call.tenant, "acme");
    EXPECT_EQ(call.agent, "mailer");
    EXPECT_EQ(call.run, "run-7");
    EXPECT_EQ(call.tool, "email.send");
    EXPECT_EQ(call.effect, Effect::write);
    EXPECT_TRUE(seen.id().starts_with(left[0].process + "/"));
    EXPECT_LE(seen.entry.since, wall_now().ms);
    EXPECT_GE(seen.entry.since, eve.at.ms - 60'000);
    outcomes.insert(seen.outcome);
  }
  EXPECT_EQ(outcomes, (std::set{Outcome::done, Outcome::not_sent}));
}

TEST(Departed, AlsoOfOneThatCameAfterTheEve) {
  World world;
  const Eve eve = eve_of(world.site.state);
  one_call(world, "brief");
  auto left = departed_since(world, eve);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].calls.size(), 1u);
}

TEST(Departed, NotWhoLeftBeforeNorWhoIsNoPoint) {
  World world;
  one_call(world, "before");
  for (const WallTime then = wall_now(); wall_now() == then;) {
  }
  const Eve eve = eve_of(world.site.state);
  page::Spool operators(world.site.state, "stop-x");  // another stop's answer on its way to the log
  EXPECT_TRUE(operators.append(R"({"kind":"ack","at":")" + iso8601(wall_now()) + R"(","id":"x"})"));
  operators.close();
  EXPECT_TRUE(departed_since(world, eve).empty());
}

TEST(Departed, NothingInASpoolIsTrusted) {
  World world;
  const Eve eve = eve_of(world.site.state);
  page::Spool spool(world.site.state, "p");
  auto tell = [&](std::string_view call, std::string_view outcome) {
    const std::string now = iso8601(wall_now());
    JsonLine line;
    line.field("point", "p").field("at", now).field("since", now).field("call", call).field("outcome", outcome);
    EXPECT_TRUE(spool.append(line.text()));
  };
  for (const char* line : {"{", "[]", R"({"point":"p","at":7})"}) EXPECT_TRUE(spool.append(line));
  EXPECT_TRUE(departed_since(world, eve).empty());
  tell("p/1", "done");
  tell("q/1.2", "done");
  tell("p/1.2x", "done");
  tell("p/1.2", "well");
  auto left = departed_since(world, eve);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_TRUE(left[0].calls.empty());
  tell("p/1.2", "done");
  left = departed_since(world, eve);
  ASSERT_EQ(left.at(0).calls.size(), 1u);
  EXPECT_EQ(left[0].calls[0].id(), "p/1.2");
}

}  // namespace
}  // namespace notaus::control
