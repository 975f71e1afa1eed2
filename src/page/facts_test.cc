// Facts on their way up: ring, tallies, spool. Whatever does not fit is counted, and the count arrives. No watcher runs here, so that
// a full ring stays full until the test drains it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <string_view>

#include "page/report.h"
#include "page/scan.h"
#include "page/spool.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

// What the spool says: how many facts of each kind, and the sum of their counts.
struct Told {
  std::uint64_t ended = 0, blocked = 0, counted = 0, lost_calls = 0, lost_denials = 0;
  bool operator==(const Told&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << told.ended << " ended, " << told.blocked << " blocked, " << told.counted << " counted, " << told.lost_calls << "/"
             << told.lost_denials << " lost";
}

std::uint64_t count_in(const std::string& json) { return std::stoull(json.substr(json.find("\"count\":") + 8)); }

Told told(const World& world) {
  Told out;
  for (const std::string& json : spooled(world)) {
    if (json.contains("\"kind\":\"admitted_")) ++out.ended;
    if (json.contains("\"kind\":\"blocked\"")) ++out.blocked;
    if (json.contains("\"kind\":\"blocked_agg\"")) out.counted += count_in(json);
    if (json.contains("\"what\":\"calls\"")) out.lost_calls += count_in(json);
    if (json.contains("\"what\":\"denials\"")) out.lost_denials += count_in(json);
  }
  return out;
}

// No file of this process may grow past `bytes`, for the life of this.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    was_ignored_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    (void)signal(SIGXFSZ, was_ignored_);
  }

 private:
  rlimit before_{};
  void (*was_ignored_)(int);
};

TEST(Facts, AFullRingCountsWhatItCouldNotTakeAndTheCountArrivesOnce) {
  World world;
  Process process(world.state);
  Spool spool(world.state, process.attachment.slots().process());
  for (std::uint32_t i = 0; i < kCells; ++i) EXPECT_TRUE(process.run(kSend));
  EXPECT_EQ(process.attachment.slots().file().head.lost_calls.load(), 0u);  // control: what fits is not lost
  for (int i = 0; i < 88; ++i) EXPECT_TRUE(process.run(kSend));
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.ended = kCells, .lost_calls = 88}));
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.ended = kCells, .lost_calls = 88}));
  EXPECT_TRUE(process.run(kSend));
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.ended = kCells + 1, .lost_calls = 88}));
}

// A call whose end found no room in the ring cannot be told from one that never was: then the list is not called complete.
TEST(Facts, AFullRingMakesTheListOfAStopIncomplete) {
  for (std::uint32_t facts : {kCells - 8, kCells}) {
    World world;
    Process process(world.state);
    for (std::uint32_t i = 0; i < facts; ++i) EXPECT_TRUE(process.run(kSend));
    Admission overtaken = process.attachment.admit(kSend, 1);
    ASSERT_TRUE(overtaken);
    world.stop(core::Mode::stop_all, {});
    overtaken.permit().done(Outcome::done);
    auto points = scan(world.state, world.publisher->word());
    ASSERT_EQ(points.size(), 1u);
    EXPECT_EQ(points[0].trouble.empty(), facts < kCells);
    EXPECT_EQ(points[0].calls.size(), facts < kCells ? 1u : 0u);
  }
}

TEST(Facts, WhatAFullDiskRefusesIsCountedAndArrivesWhenThereIsSpace) {
  World world;
  Process process(world.state);
  Spool spool(world.state, process.attachment.slots().process());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(process.run(kSend));
  world.stop(Mode::disable_writes, {});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(process.run(kSend));
  {
    FullDisk full(0);
    drain_facts(process.attachment, spool);
  }
  EXPECT_EQ(told(world), Told{});
  drain_facts(process.attachment, spool);
  Told now = told(world);
  EXPECT_EQ(now.lost_calls, 20u);
  EXPECT_EQ(now.blocked + now.counted + now.lost_denials, 100u) << now;
}

TEST(Facts, EveryKindOfDenialHasItsOwnCount) {
  World world;
  const core::Stop acmes = world.stop(Mode::disable_writes, {.tenant = "acme"});
  world.stop(Mode::stop_all, {.agent = "bot"});  // of two tenants
  Process process(world.state);
  struct Row {
    Call call;
    int times;
    const char* says;
  } rows[] = {
      {{.tenant = "acme", .agent = "mailer", .tool = "email.send"},
       31,
       "\"tenant\":\"acme\",\"tool\":\"email.send\",\"reason\":\"killed: writes_disabled:email.send\""},
      {{.tenant = "acme", .agent = "mailer", .tool = "crm.write"},
       32,
       "\"tenant\":\"acme\",\"tool\":\"crm.write\",\"reason\":\"killed: writes_disabled:crm.write\""},
      {{.tenant = "globex", .agent = "bot", .tool = "email.send"},
       33,
       "\"tenant\":\"globex\",\"tool\":\"email.send\",\"reason\":\"killed: stop_all\""},
      {{.tenant = "initech", .agent = "bot", .tool = "email.send"},
       34,
       "\"tenant\":\"initech\",\"tool\":\"email.send\",\"reason\":\"killed: stop_all\""},
  };
  constexpr Moment kNow{{5'000}, {}};
  for (const Row& row : rows)
    for (int i = 0; i < row.times; ++i) {
      Entry entry{};
      set_name(entry.tenant, row.call.tenant);
      set_name(entry.tool, row.call.tool);
      Answer answer = process.attachment.ask(row.call);
      process.attachment.tallies().count({entry, answer.why, answer.stop, nullptr, answer.word}, kNow);
    }
  // The same tenant, tool and stop for another reason.
  Entry entry{};
  set_name(entry.tenant, "acme");
  set_name(entry.tool, "email.send");
  process.attachment.tallies().count({entry, Why::page_torn, acmes.id, nullptr, 0}, kNow);
  std::vector<std::string> counts;
  Spool spool(world.state, process.attachment.slots().process());
  drain_facts(process.attachment, spool);
  for (Segment& segment : list_segments(world.state)) {
    ASSERT_TRUE(read_segment(segment, 0));
    for (const auto& record : segment.records) counts.push_back(record.json);
  }
  ASSERT_EQ(counts.size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(counts[i].contains(rows[i].says)) << counts[i];
    EXPECT_EQ(count_in(counts[i]), static_cast<std::uint64_t>(rows[i].times));
  }
  EXPECT_EQ(count_in(counts[4]), 1u);
}

TEST(Facts, ARecordSaysWhatHappened) {
  World world;
  Process process(world.state);
  auto stop = world.stop(Mode::disable_tool, {.tool = "crm.drop"});
  world.says.revision = 41;
  world.publish();
  auto run = [&](Call call) { return process.attachment.admit(call, 5'000); };
  const std::string written =
      run({.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send", .args = "{}"}).permit().id();
  (void)run({.tenant = "acme", .run = "run-8", .tool = "crm.drop", .args = "{}"});
  Spool spool(world.state, process.attachment.slots().process());
  drain_facts(process.attachment, spool);
  Segment segment = list_segments(world.state).at(0);
  ASSERT_TRUE(read_segment(segment, 0));
  ASSERT_EQ(segment.records.size(), 2u);
  const std::string now = iso8601(wall_now()).substr(0, 11), since = iso8601({5'000});
  struct Row {
    std::size_t record;
    std::string says;
  } rows[] = {
      {0, "{\"kind\":\"admitted_write\",\"at\":\"" + now},
      {0, "\"call\":\"" + written +
              "\",\"tenant\":\"acme\",\"agent\":\"mailer\",\"tool\":\"email.send\",\"run\":\"run-7\",\"effect\":\"write\","
              "\"since\":\"" +
              since + "\",\"revision\":42,\"args\":\""},
      {0, "\"outcome\":\"unknown\"}"},
      {1, "{\"kind\":\"blocked\",\"at\":\"" + now},
      {1, "\"tenant\":\"acme\",\"tool\":\"crm.drop\",\"run\":\"run-8\",\"effect\":\"write\",\"since\":\"" + since +
              "\",\"revision\":42,\"args\":\""},
      {1, "\"reason\":\"killed: tool_disabled:crm.drop\",\"stop\":\"" + stop.id + "\"}"},
  };
  for (const Row& row : rows)
    EXPECT_TRUE(segment.records[row.record].json.contains(row.says)) << segment.records[row.record].json << "\n" << row.says;
  auto digest = [&](std::size_t record) {
    return segment.records[record].json.substr(segment.records[record].json.find("\"args\":\"") + 8, 32);
  };
  EXPECT_EQ(digest(0), digest(1)) << "the same arguments of the same tenant";
  EXPECT_EQ(digest(0).find_first_not_of("0123456789abcdef"), std::string::npos) << digest(0);
}

// The watcher empties a ring that is half full before it is full, whatever fills it.
TEST(Facts, TheWatcherIsWantedFromHalfARingOn) {
  for (bool stopped : {false, true}) {
    World world;
    if (stopped) world.stop(Mode::stop_all, {});
    Process process(world.state);
    std::uint32_t wanted = 0;
    process.attachment.nudge = [&] { ++wanted; };
    SlotsHead& head = process.attachment.slots().file().head;
    head.head = head.tail = kCells - 3;
    for (std::uint32_t facts = 1; facts < kCells / 2; ++facts) {
      head.head += 1;
      EXPECT_FALSE(process.attachment.slots().half_full());
    }
    EXPECT_EQ(process.run(kSend), !stopped);
    EXPECT_TRUE(process.attachment.slots().half_full());
    EXPECT_EQ(wanted, 1u) << stopped;
    head.tail += 2;
    EXPECT_EQ(process.run(kSend), !stopped);
    EXPECT_EQ(wanted, 1u);
  }
}

TEST(Facts, TheFirstTenOfASecondAreRecordsTheOthersACount) {
  World world;
  Process process(world.state);
  Slots& slots = process.attachment.slots();
  Tallies& tallies = process.attachment.tallies();
  Claim claim = slots.claim(kSend, 1).value();
  const std::string stop(30, 's');
  auto deny = [&](std::int64_t now) { tallies.count({slots.entry(claim.slot), Why::stop_all, stop, &claim, 0}, {{now}, {}}); };
  const Tally& tally = slots.file().tallies[0];
  struct Row {
    std::int64_t now;
    std::uint64_t records, count, total;
  } rows[] = {{5'000, 1, 0, 1},   {5'001, 2, 0, 2},   {5'008, 9, 0, 9},  {5'009, 10, 0, 10},
              {5'010, 10, 1, 11}, {5'014, 10, 5, 15}, {6'000, 11, 5, 16}};
  std::int64_t now = 5'000;
  for (const Row& row : rows) {
    while (tally.total < row.total) deny(row.now == 6'000 ? row.now : now++);
    EXPECT_EQ(slots.file().head.head.load(), row.records) << row.now;
    EXPECT_EQ(tally.more.untold(), row.count) << row.now;
  }
  EXPECT_EQ(tally.first.wall.ms, 5'010);
  EXPECT_EQ(tally.last.wall.ms, 5'014);
  EXPECT_EQ(std::string_view(tally.stop), stop.substr(0, sizeof tally.stop - 1));
  EXPECT_EQ(std::string_view(slots.file().cells[0].stop), stop.substr(0, sizeof tally.stop - 1));
  // What is counted while the others are being written stays, and its time is not before theirs.
  tallies.settle([&](std::uint32_t, const Tally& told) {
    EXPECT_EQ(told.more.untold(), 5u);
    for (int i = 0; i < 12; ++i) deny(7'000 + i);
    return true;
  });
  EXPECT_EQ(tally.more.untold(), 2u);
  EXPECT_EQ(tally.first.wall.ms, 5'014);
  EXPECT_EQ(tally.last.wall.ms, 7'011);
  tallies.settle([](std::uint32_t, const Tally&) { return false; });
  EXPECT_EQ(tally.more.untold(), 2u) << "it was not taken";
}

TEST(Facts, ACountNamesAnAgentIfItWasOne) {
  World world;
  Process process(world.state);
  Spool spool(world.state, process.attachment.slots().process());
  auto deny = [&](const std::string& agent) {
    Entry entry{};
    set_name(entry.tool, "x");
    set_name(entry.agent, agent);
    process.attachment.tallies().count({entry, Why::stop_all, "", nullptr, 0}, {{5'000}, {}});
  };
  struct Row {
    std::vector<std::string> agents;
    const char* says;
  } rows[] = {{{"a", "a"}, "\"agent\":\"a\",\"tool\""}, {{"a", "b", "b"}, ",\"tool\":"}, {{"b"}, "\"agent\":\"b\",\"tool\""}};
  for (const Row& row : rows) {
    for (const std::string& agent : row.agents) deny(agent);
    drain_facts(process.attachment, spool);
    EXPECT_TRUE(spooled(world).back().contains(row.says)) << spooled(world).back();
    EXPECT_EQ(spooled(world).back().contains("agent"), std::string_view(row.says).contains("agent"));
  }
}

// A kind whose denials were all recorded in full has nothing to settle, and its place can be had in the next second.
TEST(Facts, APlaceIsGivenToAnotherKindWhenItsSecondIsOver) {
  World world;
  Process process(world.state);
  Slots& slots = process.attachment.slots();
  auto deny = [&](const std::string& tool, std::int64_t now) {
    Claim claim = slots.claim({.tool = tool}, 1).value();
    process.attachment.tallies().count({slots.entry(claim.slot), Why::stop_all, tool, &claim, 0}, {{now}, {}});
    slots.free(claim);
  };
  for (std::uint32_t i = 0; i < kTallies; ++i) {
    deny("tool" + std::to_string(i), 5'000);
    deny("tool" + std::to_string(i), 5'000);
  }
  deny("one more", 5'999);
  EXPECT_EQ(slots.file().head.lost_denials.load(), 1u);
  deny("x", 6'000);
  EXPECT_EQ(slots.file().head.lost_denials.load(), 1u);
  const Tally& taken = slots.file().tallies[0];
  EXPECT_EQ(get_name(taken.entry.tool), "x");
  EXPECT_EQ(std::string_view(taken.stop), "x");
  EXPECT_EQ(taken.total, 1u);
}

TEST(Facts, MoreKindsThanThereIsRoomForAreCountedTogether) {
  World world;
  Process process(world.state);
  auto deny = [&](int kind, std::int64_t now) {
    Entry entry{};
    set_name(entry.tool, "tool" + std::to_string(kind));
    process.attachment.tallies().count({entry, Why::stop_all, "", nullptr, 0}, {{now}, {}});
  };
  for (int kind = 0; kind < static_cast<int>(kTallies) + 9; ++kind) deny(kind, 5'000);
  deny(1000, 9'000);  // seconds later: every count is still busy, since nobody has drained it
  Spool spool(world.state, process.attachment.slots().process());
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.counted = kTallies, .lost_denials = 10}));
  deny(1001, 9'000);  // settled and quiet: its place is taken
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.counted = kTallies + 1, .lost_denials = 10}));
}

// A frozen disk keeps the watcher in its write for as long as it likes; whoever is denied meanwhile gets an answer, and is counted.
TEST(Facts, ADenialWaitsForNoDisk) {
  World world;
  Process process(world.state);
  world.stop(Mode::stop_all, {});
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(process.run(kSend));
  std::uint64_t counted = 0;
  std::future<bool> agent;
  bool denied_while_written = false;
  process.attachment.tallies().settle([&](std::uint32_t, const Tally& tally) {
    counted += tally.more.untold();
    agent = std::async(std::launch::async, [&] { return process.run(kSend); });
    denied_while_written = agent.wait_for(std::chrono::seconds(2)) == std::future_status::ready;
    return true;
  });
  EXPECT_TRUE(denied_while_written);
  process.attachment.tallies().settle([&](std::uint32_t, const Tally& tally) { return counted += tally.more.untold(), true; });
  Spool spool(world.state, process.attachment.slots().process());
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world).blocked + counted, 16);
}

TEST(Facts, DenialsAtAFullTableAreCounted) {
  World world;
  Process process(world.state);
  std::vector<Admission> all;
  for (std::uint32_t i = 0; i < kSlots; ++i) all.push_back(process.attachment.admit(kFind, 1));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(process.run(kFind));
  all.pop_back();
  EXPECT_TRUE(process.run(kFind));  // control
  Spool spool(world.state, process.attachment.slots().process());
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.counted = 5}));
}

TEST(Facts, AnOldClaimEndsNoLaterCall) {
  World world;
  Process process(world.state);
  Attachment& here = process.attachment;
  const std::uint64_t word = world.publisher->word();
  auto in_flight = [&] { return scan(world.state).at(0).calls.size(); };
  Claim first = here.slots().claim(kSend, 1).value();
  EXPECT_EQ(in_flight(), 1u);
  here.finish(first, word, Outcome::done);
  EXPECT_EQ(in_flight(), 0u);  // control: its own it ends
  Claim second = here.slots().claim(kSend, 1).value();
  ASSERT_EQ(first.slot, second.slot);
  here.finish(first, word, Outcome::done);
  EXPECT_EQ(in_flight(), 1u);
}

TEST(Facts, ADenialLeavesItsSlotFree) {
  World world;
  world.stop(Mode::disable_writes, {});
  Process process(world.state);
  for (std::uint32_t i = 0; i < 2 * kSlots; ++i) EXPECT_FALSE(process.run(kSend));
  EXPECT_TRUE(process.run(kFind));
  EXPECT_TRUE(scan(world.state).at(0).calls.empty());
}

TEST(Spool, ASegmentWithoutABeginningIsReadToItsEnd) {
  World world;
  {
    Fd left = make_file(world.state.spool() + "/dead.1", kSegmentSize, 0640).value();
  }
  Segment segment = list_segments(world.state).at(0);
  ASSERT_TRUE(read_segment(segment, 0));
  EXPECT_TRUE(segment.records.empty());
  EXPECT_NE(segment.end, 0u) << "so that it is removed";
  Fd file = open_file(segment.path, O_RDWR).value();
  ASSERT_TRUE(write_at(file.get(), "x", 1, kSegmentSize - 1));
  segment = list_segments(world.state).at(0);
  EXPECT_FALSE(read_segment(segment, 0)) << "something is in it";
}

TEST(Spool, ADamagedRecordEndsTheSegment) {
  World world;
  Spool spool(world.state, "writer");
  for (const char* record : {"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"}) ASSERT_TRUE(spool.append(record));
  Segment segment = list_segments(world.state).at(0);
  ASSERT_TRUE(read_segment(segment, 0));
  EXPECT_EQ(segment.records.size(), 3u);  // control
  Fd file = open_file(segment.path, O_RDWR).value();
  ASSERT_TRUE(write_at(file.get(), "X", 1, 64 + 32 + 24 + 2));  // behind the head and one record: in the second one's text
  Segment damaged = list_segments(world.state).at(0);
  ASSERT_TRUE(read_segment(damaged, 0));
  ASSERT_EQ(damaged.records.size(), 1u);
  EXPECT_EQ(damaged.records[0].json, "{\"a\":1}");
}

// The first call of a Handle asks, the others remember; what is written of them must not tell the difference.
TEST(Facts, EachCallOfAHandleIsRecordedAsWhatItIs) {
  World world;
  Process process(world.state);
  Spool spool(world.state, process.attachment.slots().process());
  Lane send{.tenant = "acme", .agent = "mailer", .run = "", .tool = "email.send", .effect = Effect::write, .tag = 1};
  Lane find{.tenant = "acme", .agent = "mailer", .run = "", .tool = "crm.find", .effect = Effect::read, .tag = 2};
  for (const char* args : {"bo", "al", "bo"})
    for (Lane* lane : {&send, &find}) {
      Admission call = process.attachment.admit(*lane, args, 1);
      EXPECT_EQ(scan(world.state).at(0).calls.at(0).call().effect, lane->effect) << "in flight";
      call.permit().done(Outcome::done);
    }
  drain_facts(process.attachment, spool);
  std::vector<std::string> digests;
  for (const std::string& record : spooled(world)) {
    EXPECT_TRUE(record.contains("\"kind\":\"admitted_write\"") && record.contains("\"tool\":\"email.send\"")) << record;
    digests.push_back(record.substr(record.find("\"args\":")));
  }
  ASSERT_EQ(digests.size(), 3u);
  digests.resize(3);
  for (std::string& digest : digests) digest.resize(digest.find(','));
  EXPECT_EQ(digests[0], digests[2]);
  EXPECT_NE(digests[0], digests[1]);
}

TEST(Facts, ADenialAtTheLastMomentIsRecorded) {
  World world;
  Process process(world.state);
  Spool spool(world.state, process.attachment.slots().process());
  Admission call = process.attachment.admit(kSend, 1);
  EXPECT_FALSE(call.permit().recheck());
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), Told{});
  world.stop(Mode::stop_all, {});
  EXPECT_TRUE(call.permit().recheck());
  drain_facts(process.attachment, spool);
  EXPECT_EQ(told(world), (Told{.blocked = 1}));
}

TEST(Facts, AFullTableTellsWhomItTurnedAway) {
  World world;
  Process process(world.state);
  Spool spool(world.state, process.attachment.slots().process());
  std::vector<Admission> held;
  for (std::uint32_t i = 0; i < kSlots; ++i) held.push_back(process.attachment.admit(kFind, 1));
  EXPECT_FALSE(process.attachment.admit(kSend, 1));
  process.attachment.refused({.tenant = "globex", .agent = "bot", .tool = "x"}, "no JSON", 1);
  Lane lane{.tenant = "initech", .agent = "bot", .run = "", .tool = "y", .effect = Effect::write, .tag = 1};
  EXPECT_FALSE(process.attachment.admit(lane, "", 1));
  drain_facts(process.attachment, spool);
  const std::vector<std::string> told = spooled(world);
  for (const char* whom : {R"("tenant":"acme","agent":"mailer","tool":"email.send")",
                           R"("tenant":"globex","agent":"bot","tool":"x")", R"("tenant":"initech","agent":"bot","tool":"y")"})
    EXPECT_TRUE(std::ranges::any_of(told, [&](const std::string& record) { return record.contains(whom); })) << whom;
}

// Of one Handle, both in flight: the catalogue makes them writes, whatever their caller calls them.
TEST(Facts, EveryCallOfAHandleIsListedAsTheWriteThatItIs) {
  World world;
  Process process(world.state);
  Lane lane{.tenant = "acme", .agent = "mailer", .run = "", .tool = "email.send", .effect = Effect::read, .tag = 1};
  std::vector<Admission> held;
  for (int i = 0; i < 3; ++i) held.push_back(process.attachment.admit(lane, "x", 1));
  const auto calls = scan(world.state).at(0).calls;
  ASSERT_EQ(calls.size(), 3u);
  for (const SeenCall& call : calls) {
    EXPECT_EQ(call.call().effect, Effect::write);
    EXPECT_NE(call.entry.digest[0], 0u);
    EXPECT_EQ(call.entry.digest[1], calls[0].entry.digest[1]);
    EXPECT_NE(call.entry.digest[1], 0u);
  }
}

// It came after the flip: the stop did not meet it, and does not say so.
TEST(Facts, ACallThatCameAndWentAfterAFlipIsNotOnItsList) {
  World world;
  Process process(world.state);
  Admission before = process.attachment.admit(kSend, 1);
  world.stop(Mode::stop_all, {.tenant = "globex"});
  before.permit().done(Outcome::done);
  EXPECT_TRUE(process.run({.tenant = "acme", .tool = "email.later"}));
  const auto calls = scan(world.state, world.publisher->word()).at(0).calls;
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].call().tool, "email.send");
}

}  // namespace
}  // namespace notaus::page
