// The latch: it denies, and neither a lift nor a new page passes over a stop that stands on it alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <functional>

#include <notaus/guard.hpp>

#include "page/test_world.h"

namespace notaus::page {
namespace {

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

Guard open(const World& world) { return Guard::open({.state = world.state.path}); }

TEST(Latch, DeniesEverythingWithoutTheLock) {
  World world;
  Guard guard = open(world);
  Handle handle = guard.handle(kFind);
  EXPECT_TRUE(handle.admit());
  world.publisher->latch();
  EXPECT_EQ(ask(guard, kFind), "killed: stop_all");
  EXPECT_FALSE(handle.admit());
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), world.publisher->latch_word()));
  EXPECT_TRUE(handle.admit());
  EXPECT_EQ(ask(guard, kFind), "ok");
}

TEST(Latch, EveryBitDeniesButTheCountOfLifts) {
  World world;
  Guard guard = open(world);
  Handle handle = guard.handle(kFind);
  Admission sent = guard.admit(kSend);
  LivePage page = LivePage::open(world.state, Access::write).value();
  Word& latch = page.head().latch;
  for (int bit = 0; bit < 64; ++bit) {
    latch.store(std::uint64_t{1} << bit);
    const bool open = bit >= 40;
    EXPECT_EQ(ask(guard, kFind) == "ok", open) << bit;
    EXPECT_EQ(bool(handle.admit()), open) << bit;
    EXPECT_EQ(world.publisher->latched(), !open) << bit;
  }
  EXPECT_FALSE(sent.permit().recheck());
  latch.store(std::uint64_t{1} << 39);
  EXPECT_TRUE(sent.permit().recheck());
}

TEST(Latch, ALiftOfWhatHasMovedLiftsNothingAndSaysSo) {
  World world;
  world.publisher->latch();
  const std::uint64_t seen = world.publisher->latch_word();
  world.publisher->latch();
  EXPECT_FALSE(world.publisher->unlatch(world.lock(), seen));
  EXPECT_TRUE(world.publisher->latched());
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), world.publisher->latch_word()));
  EXPECT_FALSE(world.publisher->latched());
}

TEST(Latch, LiftingItRevivesNoRetiredPage) {
  World world;
  LivePage old = LivePage::open(world.state, Access::read).value();
  Publisher late = Publisher::open(world.state).value();  // of a command that is slow
  world.replace();
  EXPECT_EQ(late.latch(), kOneStop | kRetired);
  EXPECT_TRUE(late.retired());
  EXPECT_FALSE(world.publisher->retired());
  EXPECT_TRUE(late.unlatch(world.lock(), late.latch_word()));
  EXPECT_EQ(old.head().latch.load(), kOneLift | kRetired);
}

// A stop that stands on the latch alone (it sets the latch, is stored, asks whether it was kept) and a resume that lifts it (it reads the
// word, reads what is stored, lifts), in every order: if the resume did not find the stop stored, the stop must hear that it was lifted, or
// else the latch must stand.
TEST(Latch, AStopOnItAndALiftNeverMissEachOther) {
  for (int order = 0; order < 1 << 6; ++order) {
    if (std::popcount(unsigned(order)) != 3) continue;
    World world;
    Publisher& page = *world.publisher;
    page.latch();  // by an earlier stop
    std::uint64_t set = 0, seen = 0;
    bool stored = false, kept = false, found = false, lifted = false;
    std::array<std::function<void()>, 3> stops = {[&] { set = page.latch(); }, [&] { stored = true; },
                                                  [&] { kept = page.keep(set); }};
    std::array<std::function<void()>, 3> lifts = {[&] { seen = page.latch_word(); }, [&] { found = stored; },
                                                  [&] { lifted = page.unlatch(world.lock(), seen); }};
    std::size_t stop = 0, lift = 0;
    for (int step = 0; step < 6; ++step) (order >> step & 1 ? stops[stop++] : lifts[lift++])();
    EXPECT_TRUE(found || !kept || page.latched()) << order;
    EXPECT_TRUE(lifted || page.latched()) << order;
    if (order == 0b111000 || order == 0b000111) EXPECT_TRUE(lifted && kept) << order;  // control: one after the other
  }
}

TEST(Latch, OneThatWasLiftedAndSetAgainKeepsNoStopOfBefore) {
  World world;
  const std::uint64_t set = world.publisher->latch();
  EXPECT_TRUE(world.publisher->keep(set));  // control
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), world.publisher->latch_word()));
  for (int more = 0; more < 3; ++more) {
    EXPECT_FALSE(world.publisher->keep(set));
    world.publisher->latch();
  }
}

TEST(Latch, WhoeverStandsOnItStandsOnTheNextPagesToo) {
  World world;
  world.replace();
  EXPECT_FALSE(world.publisher->latched());  // control
  Publisher before = Publisher::open(world.state).value();
  const std::uint64_t set = before.latch();
  world.replace();
  EXPECT_TRUE(world.publisher->latched());
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "killed: stop_all");
  EXPECT_FALSE(before.keep(set));  // and looks for itself
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), world.publisher->latch_word()));
  EXPECT_EQ(ask(guard, kFind), "ok");
}

}  // namespace
}  // namespace notaus::page
