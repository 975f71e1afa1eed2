// Facts on their way up: ring, tallies, spool. Whatever does not fit is counted, and the count arrives. No watcher runs here, so that
// a full ring stays full until the test drains it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "page/report.h"
#include "page/scan.h"
#include "page/spool.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

// A process at its page as Point makes it, without Point's thread.
struct Process {
  explicit Process(const World& world)
      : attachment(LivePage::open(world.state, Access::read).value(), Slots::create(world.state, {"test", "", ""}, 1).value(),
                   DigestKey::load(world.state), witness, &alive, world.state) {}

  bool run(const Call& call) {
    Admission admission = attachment.admit(call, 1);
    if (!admission) return false;
    admission.permit().done(Outcome::done);
    return true;
  }

  Witness witness;
  bool alive = true;
  Attachment attachment;
};

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
  for (Segment& segment : list_segments(world.state)) {
    if (!read_segment(segment, 0)) continue;
    for (const auto& [json, ring] : segment.records) {
      if (json.contains("\"kind\":\"admitted_")) ++out.ended;
      if (json.contains("\"kind\":\"blocked\"")) ++out.blocked;
      if (json.contains("\"kind\":\"blocked_agg\"")) out.counted += count_in(json);
      if (json.contains("\"what\":\"calls\"")) out.lost_calls += count_in(json);
      if (json.contains("\"what\":\"denials\"")) out.lost_denials += count_in(json);
    }
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
  Process process(world);
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
    Process process(world);
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
  Process process(world);
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
  world.stop(Mode::disable_writes, {.tenant = "acme"});
  world.stop(Mode::stop_all, {.tenant = "globex"});
  world.stop(Mode::stop_all, {.tenant = "initech"});
  Process process(world);
  struct Row {
    Call call;
    int times;
    const char* says;
  } rows[] = {
      {{.tenant = "acme", .tool = "email.send"},
       31,
       "\"tenant\":\"acme\",\"tool\":\"email.send\",\"reason\":\"killed: writes_disabled:email.send\""},
      {{.tenant = "acme", .tool = "crm.write"},
       32,
       "\"tenant\":\"acme\",\"tool\":\"crm.write\",\"reason\":\"killed: writes_disabled:crm.write\""},
      {{.tenant = "globex", .tool = "email.send"},
       33,
       "\"tenant\":\"globex\",\"tool\":\"email.send\",\"reason\":\"killed: stop_all\""},
      {{.tenant = "initech", .tool = "email.send"},
       34,
       "\"tenant\":\"initech\",\"tool\":\"email.send\",\"reason\":\"killed: stop_all\""},
  };
  constexpr std::int64_t kNow = 5'000;
  for (const Row& row : rows)
    for (int i = 0; i < row.times; ++i) {
      Entry entry{};
      set_name(entry.tenant, row.call.tenant);
      set_name(entry.tool, row.call.tool);
      Answer answer = process.attachment.ask(row.call);
      process.attachment.tallies().count({entry, answer.why, answer.stop, nullptr, answer.word}, kNow);
    }
  // The same tenant and tool for another reason.
  Entry entry{};
  set_name(entry.tenant, "acme");
  set_name(entry.tool, "email.send");
  process.attachment.tallies().count({entry, Why::page_torn, "", nullptr, 0}, kNow);
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

TEST(Facts, MoreKindsThanThereIsRoomForAreCountedTogether) {
  World world;
  Process process(world);
  auto deny = [&](int kind, std::int64_t now) {
    Entry entry{};
    set_name(entry.tool, "tool" + std::to_string(kind));
    process.attachment.tallies().count({entry, Why::stop_all, "", nullptr, 0}, now);
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

TEST(Facts, DenialsAtAFullTableAreCounted) {
  World world;
  Process process(world);
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
  Process process(world);
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
  Process process(world);
  for (std::uint32_t i = 0; i < 2 * kSlots; ++i) EXPECT_FALSE(process.run(kSend));
  EXPECT_TRUE(process.run(kFind));
  EXPECT_TRUE(scan(world.state).at(0).calls.empty());
}

TEST(Spool, ADamagedRecordEndsTheSegment) {
  World world;
  Spool spool(world.state, "writer");
  for (const char* record : {"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"}) ASSERT_TRUE(spool.append(record, 0));
  Segment segment = list_segments(world.state).at(0);
  ASSERT_TRUE(read_segment(segment, 0));
  EXPECT_EQ(segment.records.size(), 3u);  // control
  Fd file = open_file(segment.path, O_RDWR).value();
  ASSERT_TRUE(write_at(file.get(), "X", 1, 64 + 24 + 16 + 2));  // behind the head and one record: in the second one's text
  Segment damaged = list_segments(world.state).at(0);
  ASSERT_TRUE(read_segment(damaged, 0));
  ASSERT_EQ(damaged.records.size(), 1u);
  EXPECT_EQ(damaged.records[0].json, "{\"a\":1}");
}

}  // namespace
}  // namespace notaus::page
