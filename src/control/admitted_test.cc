// What a point that never hears of the end let go lately: found wherever its record is by now, and nothing else with it.
#include "control/admitted.h"

#include <gtest/gtest.h>

#include <fstream>

#include <notaus/guard.hpp>

#include "base/boot.h"
#include "control/stop.h"
#include "core/record.h"
#include "host/test_world.h"
#include "page/record.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

using host::World;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .tool = "email.send", .effect = Effect::write};

Guard open(const World& world, bool admission_only) {
  return Guard::open({.state = world.site.state.path, .name = "proxy", .admission_only = admission_only});
}

void let_go(Guard& guard, const Call& call = kSend) {
  Admission admission = guard.admit(call);
  ASSERT_TRUE(admission);
  admission.permit().done(Outcome::unknown);
}

std::vector<page::SeenCall> lately(const World& world) {
  return lately_admitted(world.site.state, page::scan(world.site.state)).value();
}

// A record of a call that ended so long ago, in a spool.
void tell(const World& world, const char* call, std::chrono::seconds ago, std::string_view boot = boot_id(), bool only = true) {
  page::Spool spool(world.site.state, "p-" + new_id());
  const Moment now = moment_now();
  const Moment then{{now.wall.ms - std::chrono::milliseconds(ago).count()}, {now.up.ns - std::chrono::nanoseconds(ago).count()}};
  JsonLine line = core::begin_record("admitted_write", then, boot);
  line.field("point", "p").field("call", call).field("tenant", "acme").field("tool", "email.send").field("effect", "write");
  line.field("since", iso8601(then.wall)).field("outcome", "unknown");
  if (only) line.raw("admission_only", "true");
  ASSERT_TRUE(spool.append(line.text()));
}

TEST(Admitted, IsListedFromTheRingTheSpoolAndTheLog) {
  World world;
  std::string id;
  {
    Guard proxy = open(world, true);
    let_go(proxy);
    ASSERT_EQ(lately(world).size(), 1u) << "of a point that is there";
    id = lately(world)[0].id();
    EXPECT_EQ(lately(world)[0].outcome, Outcome::unknown);
    EXPECT_EQ(lately(world)[0].call().tool, "email.send");
  }
  ASSERT_EQ(lately(world).size(), 1u) << "of one that has left";
  EXPECT_EQ(lately(world)[0].id(), id);
  ASSERT_TRUE(host::drain(world.site, host::kPatience));
  ASSERT_TRUE(page::list_segments(world.site.state).empty());
  ASSERT_EQ(lately(world).size(), 1u) << "of a log";
  EXPECT_EQ(lately(world)[0].id(), id);
}

TEST(Admitted, NotOfAPointThatKnowsHowItsCallsEnd) {
  World world;
  Guard gateway = open(world, false);
  let_go(gateway);
  EXPECT_TRUE(lately(world).empty());
}

TEST(Admitted, OfTheLastHalfMinute) {
  World world;
  tell(world, "p/1.1", kUnheard + std::chrono::seconds(1));
  EXPECT_TRUE(lately(world).empty());
  tell(world, "p/1.2", kUnheard - std::chrono::seconds(5));
  ASSERT_EQ(lately(world).size(), 1u);
  EXPECT_EQ(lately(world)[0].id(), "p/1.2");
  tell(world, "p/1.3", std::chrono::seconds(5), "another boot");
  tell(world, "p/1.4", kUnheard + std::chrono::seconds(1), "another boot");
  EXPECT_EQ(lately(world).size(), 2u);
  tell(world, "p/1.5", std::chrono::seconds(5), boot_id(), false);
  EXPECT_EQ(lately(world).size(), 2u) << "of a point that hears";
}

TEST(Admitted, IsOnAStopsListIfTheStopIsAboutIt) {
  World world;
  Guard proxy = open(world, true);
  let_go(proxy);
  let_go(proxy, {.tenant = "globex", .tool = "email.send", .effect = Effect::write});
  const Report report = stop(world.site, {.selector = {.tenant = "acme"}, .by = "ana"});
  EXPECT_TRUE(report.in_flight_complete);
  ASSERT_EQ(report.in_flight.size(), 1u);
  EXPECT_EQ(report.in_flight[0].call.call().tenant, "acme");
  EXPECT_EQ(report.in_flight[0].call.outcome, Outcome::unknown);
  EXPECT_EQ(report.hosts.front().admission_only, 1u);
  EXPECT_FALSE(proxy.admit(kSend));
  EXPECT_EQ(preview(world.site, {.selector = {.tenant = "globex"}, .by = "ana"}).in_flight.size(), 1u);
  EXPECT_EQ(preview(world.site, {.selector = {.tenant = "other"}, .by = "ana"}).in_flight.size(), 0u);
}

TEST(Admitted, InFlightAndEndedIsListedOnce) {
  World world;
  Guard proxy = open(world, true);
  Admission one = proxy.admit(kSend);
  EXPECT_EQ(stop(world.site, {.selector = {.tenant = "acme"}, .by = "ana"}).in_flight.size(), 1u);
  one.permit().done(Outcome::unknown);
  EXPECT_EQ(stop(world.site, {.selector = {.tenant = "acme"}, .by = "ana"}).in_flight.size(), 1u);
}

TEST(Admitted, ANameThatARecordCutMayBeTheStopsOne) {
  World world;
  const std::string tenant(100, 't');
  {
    Guard proxy = open(world, true);
    let_go(proxy, {.tenant = tenant, .tool = "email.send", .effect = Effect::write});
  }
  auto about = [&](const std::string& name) {
    return preview(world.site, {.selector = {.tenant = name}, .by = "ana"}).in_flight.size();
  };
  EXPECT_EQ(about(tenant), 1u);
  EXPECT_EQ(about("u" + tenant), 0u);
}

TEST(Admitted, ALogThatCannotBeReadIsSaid) {
  World world;
  EXPECT_TRUE(preview(world.site, {.selector = {.tenant = "acme"}, .by = "ana"}).in_flight_complete);
  ASSERT_TRUE(host::drain(world.site, host::kPatience));
  std::ofstream(world.site.state.log() + "/vkey") << "not a key";
  const Report report = preview(world.site, {.selector = {.tenant = "acme"}, .by = "ana"});
  EXPECT_FALSE(report.in_flight_complete);
  ASSERT_FALSE(report.warnings.empty());
  EXPECT_TRUE(report.warnings.front().starts_with("what admission-only points let go in the last 30 s is not listed: "))
      << report.warnings.front();
}

}  // namespace
}  // namespace notaus::control
