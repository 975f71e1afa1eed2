// What a publisher reads in everybody's slot files, and what it makes of those that are not as they should be.
#include "page/scan.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include <notaus/guard.hpp>

#include "page/report.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};

std::unique_ptr<Slots> make_slots(const World& world, const char* name = "test") {
  return Slots::create(world.state, {name, "", ""}, 1).value();
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
  ASSERT_TRUE(slots->push(claim, {Fact::ended, Outcome::done, Why::allowed, {}, world.publisher->word(), {}}));
  auto points = scan(world.state, world.publisher->word());
  ASSERT_EQ(points.at(0).calls.size(), 1u);
  EXPECT_EQ(points[0].calls[0].outcome, Outcome::done);
}

TEST(Scan, ARingTellsWhatHasEndedAndWhen) {
  World world;
  auto slots = make_slots(world);
  auto tell = [&](Fact fact, std::int64_t when) {
    Claim claim = slots->claim(kSend, 1).value();
    EXPECT_TRUE(slots->push(claim, {fact, Outcome::unknown, Why::allowed, {}, 1, {{when}, {when}}}));
    slots->free(claim);
  };
  EXPECT_TRUE(ended_in_ring(world.state, "nobody").empty());
  EXPECT_TRUE(ended_in_ring(world.state, slots->process()).empty());
  tell(Fact::ended, 1);
  tell(Fact::blocked, 2);
  tell(Fact::ended, 3);
  auto ended = ended_in_ring(world.state, slots->process());
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0].at.up.ns, 3);
  EXPECT_EQ(ended[1].at.up.ns, 1);
  EXPECT_EQ(ended[0].call.outcome, Outcome::unknown);
  EXPECT_EQ(ended[0].call.call().tool, "email.send");
  for (std::int64_t when = 4; when < 4 + kCells; ++when) {
    slots->file().head.tail = slots->file().head.head.load();  // a watcher has spooled what was there
    tell(Fact::ended, when);
  }
  ended = ended_in_ring(world.state, slots->process());
  ASSERT_EQ(ended.size(), kCells) << "spooled or not";
  EXPECT_EQ(ended.back().at.up.ns, 4);
}

TEST(Scan, ListsASlotByItsState) {
  struct Row {
    SlotState state;
    std::optional<Outcome> listed;
  } rows[] = {
      {SlotState::free, {}},
      {SlotState::reserved, {}},  // it will see the flip
      {SlotState::active, Outcome::running},
      {SlotState::done, Outcome::not_sent},  // and not recorded yet
  };
  World world;
  auto slots = make_slots(world);
  for (const Row& row : rows) {
    Claim claim = slots->claim(kSend, 1).value();
    const Outcome outcome = row.state == SlotState::done ? Outcome::not_sent : Outcome::running;
    slots->file().words[claim.slot] = slot_word(generation_of(claim.word), row.state, outcome);
    auto calls = scan(world.state).at(0).calls;
    ASSERT_EQ(calls.size(), row.listed ? 1u : 0u) << static_cast<int>(row.state);
    if (row.listed) {
      EXPECT_EQ(calls[0].outcome, *row.listed);
      EXPECT_EQ(calls[0].word, claim.word);
      EXPECT_EQ(calls[0].slot, claim.slot);
      EXPECT_EQ(calls[0].call().tool, "email.send");
    }
    slots->free(claim);
  }
}

TEST(Scan, SaysWhatIsWrongWithAFileAndWhatToDo) {
  auto write = [](const World& world, const Slots& slots, std::size_t at, std::string_view bytes) {
    Fd file = open_file(world.state.slots() + "/" + slots.process(), O_RDWR).value();
    ASSERT_TRUE(write_at(file.get(), bytes.data(), bytes.size(), at));
  };
  struct Row {
    const char* what;
    std::size_t at;
    std::string_view bytes;
    bool alive;
    const char* says;
  } rows[] = {
      {"sound", sizeof(SlotsFile) - 1, {"\0", 1}, true, ""},
      {"sound", sizeof(SlotsFile) - 1, {"\0", 1}, false, ""},
      {"magic", 0, "x", true, "end the process"},
      {"magic", 0, "x", false, "delete it"},
      {"version", offsetof(SlotsHead, version), "\x09", true, "end the process"},
      {"version", offsetof(SlotsHead, version), "\x09", false, "delete it"},
      {"length", sizeof(SlotsFile), "x", true, "end the process"},
      {"length", sizeof(SlotsFile), "x", false, "delete it"},
  };
  for (const Row& row : rows) {
    World world;
    auto slots = make_slots(world);
    (void)slots->claim(kSend, 1);
    write(world, *slots, row.at, row.bytes);
    if (!row.alive) slots->close_in_child();
    SeenPoint point = scan(world.state, world.publisher->word()).at(0);
    bool alive = !row.alive;
    auto whole = read_slots(world.state, slots->process(), alive);
    const bool sound = *row.says == '\0';
    EXPECT_EQ(point.trouble.empty(), sound) << row.what;
    EXPECT_EQ(point.calls.size(), sound ? 1u : 0u) << row.what;
    EXPECT_EQ(whole.has_value(), sound) << row.what;
    if (sound) {
      EXPECT_EQ(point.alive, row.alive);
      EXPECT_FALSE(point.left) << "its file is in its place";
      EXPECT_EQ(alive, row.alive);
      EXPECT_EQ(whole.value()->head.pid, getpid());
      continue;
    }
    for (const std::string& told : {point.trouble, whole.error().what}) {
      EXPECT_TRUE(told.starts_with(world.state.slots() + "/" + slots->process() + ": not a slot file of this version; ")) << told;
      EXPECT_TRUE(told.contains(row.says)) << told;
    }
  }
}

TEST(Scan, AFileThatIsJustBeingMadeIsNoTroubleWhileItsMakerLives) {
  World world;
  auto slots = make_slots(world);
  slots->file().head.magic = 0;
  EXPECT_EQ(scan(world.state).at(0).trouble, "");
  slots->close_in_child();
  EXPECT_NE(scan(world.state).at(0).trouble, "");
  std::ofstream(world.state.slots() + "/.draft") << "a file before it has its name";
  EXPECT_EQ(scan(world.state).size(), 1u);
}

TEST(Scan, FilesAreListedByNameWhateverTheyAre) {
  World world;
  EXPECT_TRUE(slot_files(world.state).empty());
  auto slots = make_slots(world, "b");
  std::ofstream(world.state.slots() + "/a") << "none of ours";
  std::ofstream(world.state.slots() + "/.draft") << "before it has its name";
  EXPECT_EQ(slot_files(world.state), (std::vector<std::string>{"a", slots->process()}));
}

TEST(Scan, FollowsNoLinkAndSaysWhatIsNoFile) {
  World world;
  auto slots = make_slots(world, "a");
  EXPECT_EQ(symlink(slots->process().c_str(), (world.state.slots() + "/b").c_str()), 0);
  EXPECT_EQ(mkdir((world.state.slots() + "/c").c_str(), 0700), 0);
  EXPECT_EQ(mkfifo((world.state.slots() + "/d").c_str(), 0600), 0);
  auto points = scan(world.state);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_TRUE(std::ranges::is_sorted(points, {}, &SeenPoint::process));
  EXPECT_EQ(points[0].trouble, "");
  EXPECT_NE(points[1].trouble, "");
  EXPECT_EQ(points[2].trouble, world.state.slots() + "/c: not a file");
  EXPECT_EQ(points[3].trouble, world.state.slots() + "/d: not a file");
}

// Facts that were told before and after the flip. A list is complete if enough of the old ones are seen behind the new.
TEST(Scan, ListsWhatEndedSinceTheFlipOrSaysThatItCannot) {
  struct Row {
    std::uint32_t before, after;
    bool complete;
  } rows[] = {
      {0, 0, true},
      {0, 3, true},
      {kCells - 1, 1, true},
      {2 * kCells, 3, true},
      {2 * kCells, kCells - 32, true},
      {2 * kCells, kCells - 31, false},  // the ring may have turned over since
      {31, kCells - 32, true},           // it has not
      {32, kCells - 32, true},
      {31, kCells - 31, false},
      {0, kCells + 1, false},
  };
  for (const Row& row : rows) {
    World world;
    auto slots = make_slots(world);
    Claim claim = slots->claim(kSend, 1).value();
    const std::uint64_t flipped = 1000;
    slots->entry(claim.slot).word = flipped - 1;
    auto tell = [&](std::uint32_t times, Fact fact, std::uint64_t page_word) {
      for (std::uint32_t i = 0; i < times; ++i) {
        slots->file().head.tail = slots->file().head.head.load();  // a watcher drains as fast as it can
        ASSERT_TRUE(slots->push({claim.slot, claim.word + (std::uint64_t{i + 1} << 8)},
                                {fact, Outcome::done, Why::allowed, {}, page_word, {}}));
      }
    };
    tell(row.before, Fact::ended, flipped - 1);
    tell(row.after, Fact::ended, flipped);
    slots->free(claim);
    auto points = scan(world.state, flipped);
    EXPECT_EQ(points.at(0).trouble.empty(), row.complete) << row.before << " " << row.after;
    EXPECT_EQ(points[0].calls.size(), row.complete ? row.after : 0) << row.before << " " << row.after;
    if (!row.complete) EXPECT_TRUE(points[0].trouble.starts_with(slots->process() + ": more calls")) << points[0].trouble;
  }
}

TEST(Scan, OfWhatEndedSinceTheFlipListsWhatWasAdmittedBefore) {
  constexpr std::uint64_t kFlipped = 1000;
  struct Row {
    Fact fact;
    std::uint64_t admitted, ended;
    bool listed;
  } rows[] = {
      {Fact::ended, kFlipped - 1, kFlipped, true},      {Fact::ended, kFlipped - 1, kFlipped + 1, true},
      {Fact::ended, kFlipped - 2, kFlipped - 1, false},  // over when the flip came
      {Fact::ended, kFlipped, kFlipped, false},          // it met the flip
      {Fact::blocked, kFlipped - 1, kFlipped, false},
  };
  for (const Row& row : rows) {
    World world;
    auto slots = make_slots(world);
    Claim claim = slots->claim(kSend, 1).value();
    slots->entry(claim.slot).word = row.admitted;
    ASSERT_TRUE(slots->push(claim, {row.fact, Outcome::unknown, Why::allowed, {}, row.ended, {}}));
    slots->free(claim);
    auto calls = scan(world.state, kFlipped).at(0).calls;
    ASSERT_EQ(calls.size(), row.listed ? 1u : 0u) << row.admitted << " " << row.ended;
    if (row.listed) EXPECT_EQ(calls[0].outcome, Outcome::unknown);
    EXPECT_TRUE(scan(world.state).at(0).calls.empty()) << "without a flip only what is in flight is asked for";
  }
}

TEST(Scan, AFactThatIsBeingWrittenIsNoneYet) {
  World world;
  auto slots = make_slots(world);
  Claim claim = slots->claim(kSend, 1).value();
  slots->entry(claim.slot).word = 999;
  ASSERT_TRUE(slots->push(claim, {Fact::ended, Outcome::done, Why::allowed, {}, 1000, {}}));
  slots->free(claim);
  std::atomic<std::uint64_t>& turn = slots->file().cells[0].turn;
  for (std::uint64_t other : {std::uint64_t{0}, std::uint64_t{kCells + 1}}) {
    turn = other;
    EXPECT_TRUE(scan(world.state, 1000).at(0).calls.empty()) << other;
  }
  turn = 1;
  EXPECT_EQ(scan(world.state, 1000).at(0).calls.size(), 1u);
}

// Its owner ends one and begins another while we read.
TEST(Scan, NeverBlendsTwoCallsOfASlot) {
  World world;
  auto slots = make_slots(world);
  SlotsFile& file = slots->file();
  file.head.high = 1;
  std::atomic<bool> over = false;
  std::thread owner([&] {
    for (std::uint64_t generation = 1; !over; ++generation) {
      file.words[0] = slot_word(generation, SlotState::reserved);
      __atomic_store_n(&file.entries[0].since, static_cast<std::int64_t>(generation), __ATOMIC_RELAXED);
      file.words[0] = slot_word(generation, SlotState::active);
      for (std::uint64_t i = 0; i < 4'000 && !over; ++i) continue;  // so that a scan that begins in it ends in the next
    }
  });
  int seen = 0, moved = 0;
  EXPECT_TRUE(within([&] {
    const auto calls = scan(world.state).at(0).calls;
    for (const SeenCall& call : calls) {
      EXPECT_EQ(call.entry.since, static_cast<std::int64_t>(generation_of(call.word)));
      ++seen;
    }
    moved += calls.empty();
    return seen >= 20 && moved >= 20;
  }));
  over = true;
  owner.join();
}

TEST(Scan, SaysWhoNeverLearnsACallsEnd) {
  World world;
  auto slots = make_slots(world);
  EXPECT_FALSE(scan(world.state).at(0).admission_only);
  slots->file().head.admission_only = 1;
  EXPECT_TRUE(scan(world.state).at(0).admission_only);
}

TEST(Scan, ACallThatCouldNotBeRecordedMakesTheListOfItsFlipIncomplete) {
  World world;
  auto slots = make_slots(world);
  slots->file().head.missed = 999;
  EXPECT_EQ(scan(world.state, 1000).at(0).trouble, "");
  EXPECT_NE(scan(world.state, 999).at(0).trouble, "");
}

// Where the end of a call that was seen running is found by and by.
TEST(Outcome, IsFoundWhereverItHasGot) {
  for (Outcome outcome : {Outcome::done, Outcome::not_sent, Outcome::unknown}) {
    World world;
    Process process(world.state);
    Slots& slots = process.attachment.slots();
    Spool spool(world.state, slots.process());
    Claim other = slots.claim({.tenant = "globex", .tool = "email.send"}, 1).value(), claim = slots.claim(kSend, 1).value();
    SeenCall seen{slots.process(), claim.slot, claim.word, slots.entry(claim.slot)};
    auto tell = [&](const Claim& which, Outcome how) {
      ASSERT_TRUE(slots.finish(which, how));
      ASSERT_TRUE(slots.push(which, {Fact::ended, how, Why::allowed, {}, 1, {}}));
    };
    EXPECT_EQ(outcome_now(world.state, seen), Outcome::running);
    tell(other, outcome == Outcome::done ? Outcome::unknown : Outcome::done);
    slots.free(other);
    Claim denied = slots.claim({.tenant = "globex", .tool = "email.send"}, 1).value();  // in the other's slot
    ASSERT_TRUE(slots.push(denied, {Fact::blocked, Outcome::not_sent, Why::stop_all, {}, 1, {}}));
    EXPECT_EQ(outcome_now(world.state, seen), Outcome::running);
    tell(claim, outcome);
    EXPECT_EQ(outcome_now(world.state, seen), outcome) << "in its slot";
    slots.free(claim);
    EXPECT_EQ(outcome_now(world.state, seen), outcome) << "in the ring";
    Claim next = slots.claim(kSend, 1).value();
    EXPECT_EQ(next.slot, claim.slot);
    EXPECT_EQ(outcome_now(world.state, seen), outcome) << "its slot is another's";
    drain_facts(process.attachment, spool);
    for (std::uint32_t i = 0; i < kCells; ++i) {  // the ring turns over
      slots.file().head.tail = slots.file().head.head.load();
      ASSERT_TRUE(slots.push(next, {Fact::ended, Outcome::running, Why::allowed, {}, 1, {}}));
    }
    EXPECT_EQ(outcome_now(world.state, seen), outcome) << "in the spool";
    slots.leave();
    EXPECT_EQ(outcome_now(world.state, seen), outcome) << "its process has left";
    seen.outcome = Outcome::not_sent;
    EXPECT_EQ(outcome_now(world.state, seen), Outcome::not_sent) << "it was known";
  }
}

// A stop sees a call that has claimed its slot and not read the page yet: it lists it, and then the call meets the stop.
TEST(Outcome, OfACallThatWasSeenUndecidedAndThenDeniedIsNotSent) {
  World world;
  Process process(world.state);
  Slots& slots = process.attachment.slots();
  Spool spool(world.state, slots.process());
  auto claim = [&] { return slots.claim(kSend, 1).value(); };
  auto seen = [&](const Claim& one) { return SeenCall{slots.process(), one.slot, one.word, slots.entry(one.slot)}; };
  auto deny = [&](const Claim& one) {  // as Attachment::record_denial
    ASSERT_TRUE(slots.finish(one, Outcome::not_sent, SlotState::counting));
    process.attachment.tallies().count({slots.entry(one.slot), Why::stop_all, "s", &one, 1}, {{1000}, {}});
    slots.free(one);
  };
  const Claim first = claim();
  const SeenCall call = seen(first);
  EXPECT_EQ(outcome_now(world.state, call), Outcome::running);  // control
  deny(first);
  EXPECT_EQ(outcome_now(world.state, call), Outcome::not_sent) << "in its slot";
  for (int i = 0; i < 20; ++i) deny(claim());  // in the same slot; the last of them are only counted
  EXPECT_EQ(outcome_now(world.state, call), Outcome::not_sent) << "in the ring";
  const Claim counted = claim();
  const SeenCall last = seen(counted);
  deny(counted);
  EXPECT_EQ(outcome_now(world.state, last), Outcome::not_sent) << "in its slot alone";
  drain_facts(process.attachment, spool);
  slots.leave();
  EXPECT_EQ(outcome_now(world.state, call), Outcome::not_sent) << "in the spool";
}

TEST(Outcome, OfACallThatDiedWithItsProcessIsUnknown) {
  World world;
  auto slots = make_slots(world);
  Claim claim = slots->claim(kSend, 1).value();
  SeenCall seen{slots->process(), claim.slot, claim.word, slots->entry(claim.slot)};
  EXPECT_EQ(outcome_now(world.state, seen), Outcome::running);
  slots->close_in_child();
  EXPECT_EQ(outcome_now(world.state, seen), Outcome::unknown);
}

TEST(Scan, ADirectoryThatCannotBeReadIsNobodySeenAndSaysSo) {
  World world;
  EXPECT_TRUE(scan(world.state).empty());  // control
  std::filesystem::remove(world.state.slots());
  EXPECT_TRUE(scan(world.state).empty());  // nobody ever came
  std::ofstream(world.state.slots()) << "in the way";
  auto points = scan(world.state);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_TRUE(points[0].trouble.contains("Not a directory")) << points[0].trouble;
  EXPECT_FALSE(points[0].alive);
}

TEST(RecentCalls, AreTheNamesThatStandInTheSlotsOfTheLiving) {
  World world;
  auto living = make_slots(world, "living"), dead = make_slots(world, "dead");
  for (const Call& call : {Call{.tenant = "acme"}, Call{.agent = "mailer"}, Call{.tool = "email.send"}})
    living->free(living->claim(call, 1).value());
  dead->free(dead->claim({.tenant = "globex"}, 1).value());
  dead->close_in_child();
  std::ofstream(world.state.slots() + "/short") << "x";
  std::set<std::string> names;
  auto calls = recent_calls(world.state, scan(world.state));
  for (const Entry& entry : calls)
    names.insert(std::string(get_name(entry.tenant)) + "/" + std::string(get_name(entry.agent)) + "/" +
                 std::string(get_name(entry.tool)));
  EXPECT_EQ(calls.size(), 3u);
  EXPECT_EQ(names, (std::set<std::string>{"acme//", "/mailer/", "//email.send"}));
}

}  // namespace
}  // namespace notaus::page
