// Old records go, and only they; what remains is provable, and nobody else can make records go.
#include "audit/prune.h"

#include <sys/inotify.h>

#include <climits>
#include <thread>

#include "audit/index.h"
#include "audit/proof.h"
#include "audit/search.h"
#include "audit/test_log.h"
#include "audit/verify.h"
#include "base/clock.h"

namespace notaus::audit {
namespace {

using Verdict = Inspection::Verdict;

constexpr std::int64_t kStart = 1'700'000'000'000;

std::string at(std::uint64_t n) { return iso8601({kStart + static_cast<std::int64_t>(n) * 1000}); }

void fill(TestLog& world, std::uint64_t count) {
  Log log = world.open();
  std::vector<Record> batch;
  for (std::uint64_t n = 0; n < count; ++n) batch.push_back({fmt::format(R"({{"kind":"note","at":"{}"}})", at(n))});
  ASSERT_TRUE(log.append(batch));
}

// As the command does it; what went.
Pruning prune(TestLog& world, const Stays& stays) {
  Log log = world.open();
  EXPECT_TRUE(log.settle());
  auto what = prunable(world.place.directory, stays).value();
  if (what.count() == 0) return what;
  EXPECT_TRUE(announce(log, what, fmt::format(R"({{"kind":"pruned","at":"8","from":{},"upto":{}}})", what.from, what.upto)));
  EXPECT_TRUE(remove_bundles(world.place.directory, what));
  return what;
}

Pruning prune_before(TestLog& world, const std::string& before) { return prune(world, {.since = before}); }

void next_segment(const TestLog& world) {
  Log log = world.open();
  TestLog::next_segment(log);
}

TEST(Prune, TheIndexForgetsWhatIsGoneOnceItIsMostOfIt) {
  TestLog world;
  fill(world, 2000);
  next_segment(world);
  auto knows = [&](std::uint64_t bundle) { return Index::read(world.place.directory, world.open().name()).knows(bundle); };
  const std::size_t whole = contents(world.file("index")).size();
  EXPECT_EQ(prune_before(world, at(300)).upto, 256u);
  EXPECT_TRUE(knows(0));  // control: for one bundle of seven it is not written anew
  EXPECT_EQ(prune_before(world, at(1600)).upto, 1536u);
  EXPECT_FALSE(knows(0));
  EXPECT_FALSE(knows(5));
  EXPECT_TRUE(knows(6));
  EXPECT_LT(contents(world.file("index")).size(), whole / 2);
}

TEST(Prune, WholeBundlesOfOldRecordsGoAndTheRestIsProvable) {
  TestLog world;
  fill(world, 1000);
  next_segment(world);
  const std::string ticket = ticket_text(Search::open(world.place.directory)->note());
  EXPECT_EQ(prune_before(world, at(0)).upto, 0u);  // control: none is older
  EXPECT_EQ(prune_before(world, at(255)).upto, 0u);
  const Pruning what = prune_before(world, at(600));
  EXPECT_EQ(what.from, 0u);
  EXPECT_EQ(what.upto, 512u);
  const Inspection found = verify(world.place.directory, ticket);
  EXPECT_EQ(found.verdict, Verdict::sound) << found.what;
  EXPECT_EQ(found.pruned, 512u);
  EXPECT_EQ(found.size, 1031u);
  auto log = Search::open(world.place.directory).value();
  std::uint64_t lines = 0;
  EXPECT_TRUE(log.each({}, [&](const std::string&) { return ++lines > 0; }));
  EXPECT_EQ(lines, 1031u - 512u);
  auto view = View::open(world.place.directory).value();
  EXPECT_TRUE(prove(view, 512));
  EXPECT_TRUE(prove(view, 1000));
  EXPECT_FALSE(prove(view, 511));
  const Pruning more = prune_before(world, at(800));
  EXPECT_EQ(more.from, 512u);
  EXPECT_EQ(more.upto, 768u);
  EXPECT_EQ(verify(world.place.directory, ticket).pruned, 768u);
}

TEST(Prune, RecordsThatGoWithoutARecordAreMissed) {
  struct Row {
    const char* what;
    std::uint64_t pruned;   // as the log says
    std::vector<std::uint64_t> gone;
    std::optional<std::uint64_t> first_bad;
  } rows[] = {
      {"none", 0, {}, std::nullopt},
      {"the first", 0, {0}, 0},
      {"the first three", 0, {0, 1, 2}, 0},
      {"one in the middle", 0, {1}, 256},
      {"one more than was pruned", 512, {2}, 512},
      {"one behind those", 512, {3}, 768},
      {"all that were", 512, {}, std::nullopt},
  };
  for (const Row& row : rows) {
    TestLog world;
    fill(world, 1100);
    next_segment(world);
    if (row.pruned > 0) EXPECT_EQ(prune_before(world, at(row.pruned)).upto, row.pruned);
    for (std::uint64_t bundle : row.gone) fs::remove(world.file(entries_path(bundle)));
    const Inspection found = verify(world.place.directory, "");
    EXPECT_EQ(found.verdict, row.first_bad ? Verdict::tampered : Verdict::sound) << row.what << found.what;
    EXPECT_EQ(found.first_bad, row.first_bad) << row.what;
  }
}

TEST(Prune, TheNewestStaySoManyBytesOfThem) {
  TestLog world;
  fill(world, 1100);
  next_segment(world);
  const std::uint64_t bundle = fs::file_size(world.file(entries_path(0)));
  std::uint64_t all = 0;
  for (std::uint64_t index : {0, 1, 2, 3}) all += fs::file_size(world.file(entries_path(index)));
  EXPECT_EQ(prune(world, {.bytes = all}).count(), 0u);  // control: they are no more than that
  EXPECT_EQ(prune(world, {.bytes = all - bundle + 1}).count(), 0u);
  EXPECT_EQ(prune(world, {.since = at(0), .bytes = 1}).count(), 0u);  // too many, and too young
  EXPECT_EQ(prune(world, {.since = at(300), .bytes = 1}).upto, 256u);
  const std::uint64_t two = fs::file_size(world.file(entries_path(2))) + fs::file_size(world.file(entries_path(3)));
  EXPECT_EQ(prune(world, {.bytes = two}).upto, 512u);
  EXPECT_EQ(verify(world.place.directory, "").pruned, 512u);
  EXPECT_EQ(prune(world, {.bytes = 1}).upto, 768u) << "of the rest, one bundle has more than a byte";
}

TEST(Prune, SaysWhenWhatGoesWasWrittenAndWhereTheYoungBegin) {
  TestLog world;
  fill(world, 1100);
  next_segment(world);
  {
    Log log = world.open();
    ASSERT_TRUE(log.append({{fmt::format(R"({{"kind":"note","at":"{}"}})", at(2000))}}));
  }
  struct Row {
    std::string since, last, old, young;
  } rows[] = {
      {at(600), at(511), at(599), at(600)},
      {at(0), "", "", at(0)},
      {at(1050), at(1023), at(1049), at(1050)},  // what is in the segment still is looked at, too, and stays
      {"", at(1023), "", ""},
  };
  for (const Row& row : rows) {
    const Pruning what = prunable(world.place.directory, {.since = row.since}).value();
    EXPECT_EQ(what.last, row.last) << row.since;
    EXPECT_EQ(what.old, row.old) << row.since;
    EXPECT_EQ(what.young, row.young) << row.since;
  }
  EXPECT_EQ(prunable(world.place.directory, {.since = "99"})->young, "");  // control: none is
}

// A record whose clock was ahead keeps what is behind it, and one whose clock was behind goes with its neighbours: never too much.
TEST(Prune, AClockThatJumpsKeepsRatherThanRemoves) {
  struct Row {
    std::uint64_t odd;
    const char* says;
    std::uint64_t upto;
  } rows[] = {{100, "2099-01-01T00:00:00.000Z", 0}, {300, "2099-01-01T00:00:00.000Z", 256}, {300, "1970-01-01T00:00:00.000Z", 512}};
  for (const Row& row : rows) {
    TestLog world;
    {
      Log log = world.open();
      std::vector<Record> batch;
      for (std::uint64_t n = 0; n < 1100; ++n)
        batch.push_back({fmt::format(R"({{"kind":"note","at":"{}"}})", n == row.odd ? row.says : at(n))});
      ASSERT_TRUE(log.append(batch));
    }
    next_segment(world);
    EXPECT_EQ(prune_before(world, at(600)).upto, row.upto) << row.odd << row.says;
    EXPECT_EQ(verify(world.place.directory, "").verdict, Verdict::sound);
  }
}

// Only a record of that kind, and not one in which somebody has written it.
TEST(Prune, NoTextPassesForARecordOfIt) {
  TestLog world;
  fill(world, 1100);
  next_segment(world);
  {
    Log log = world.open();
    ASSERT_TRUE(log.append({{R"({"kind":"note","at":"8","by":{"kind":"pruned"},"upto":512})"}}));
  }
  EXPECT_EQ(verify(world.place.directory, "").verdict, Verdict::sound);  // control
  for (std::uint64_t bundle : {0, 1}) fs::remove(world.file(entries_path(bundle)));
  EXPECT_EQ(verify(world.place.directory, "").first_bad, 0u);
}

TEST(Prune, AnotherLogThanTheOneLookedAtLosesNothing) {
  TestLog world;
  fill(world, 600);
  next_segment(world);
  Pruning what = prunable(world.place.directory, {.since = "9"}).value();
  Log log = world.open();
  const std::uint64_t size = log.size();
  what.log += "x";
  EXPECT_EQ(announce(log, what, R"({"kind":"pruned"})").error().kind, Kind::gone);
  EXPECT_EQ(log.size(), size);
}

// As soon as the reader has come to one of the files they all go: what was there a moment ago and is not now was announced.
TEST(Prune, WhoReadsMeanwhileIsNotToldOfTampering) {
  for (std::uint64_t reached = 0; reached < 4; ++reached) {
    TestLog world;
    fill(world, 10'000);
    next_segment(world);
    const Pruning what = prunable(world.place.directory, {.bytes = 1}).value();
    Log log = world.open();
    ASSERT_TRUE(announce(log, what, fmt::format(R"({{"kind":"pruned","at":"8","from":0,"upto":{}}})", what.upto)));
    auto search = Search::open(world.place.directory).value();
    Fd opened(inotify_init1(IN_CLOEXEC));
    ASSERT_GE(inotify_add_watch(opened.get(), world.file(entries_path(reached)).c_str(), IN_OPEN), 0);
    std::jthread remover([&] {
      char event[sizeof(inotify_event) + NAME_MAX + 1];
      EXPECT_GT(read(opened.get(), event, sizeof event), 0);
      EXPECT_TRUE(remove_bundles(world.place.directory, what));
    });
    const Inspection found = verify(world.place.directory, "");
    EXPECT_EQ(found.verdict, Verdict::sound) << found.what;
    std::uint64_t lines = 0;
    EXPECT_TRUE(search.each({}, [&](const std::string&) { return ++lines > 0; }));
    EXPECT_GE(lines, search.size() - what.upto);
  }
}

// Killed between the record and the removal: the next one takes up what is left.
TEST(Prune, WhatAKillLeftIsRemovedNextTime) {
  TestLog world;
  fill(world, 600);
  next_segment(world);
  {
    Log log = world.open();
    ASSERT_TRUE(log.append({{R"({"kind":"pruned","at":"8","from":0,"upto":512})"}}));
  }
  fs::remove(world.file(entries_path(0)));
  EXPECT_EQ(verify(world.place.directory, "").verdict, Verdict::sound);
  const Pruning what = prune_before(world, at(599));
  EXPECT_EQ(what.from, 256u);
  EXPECT_EQ(what.upto, 512u);
  EXPECT_EQ(verify(world.place.directory, "").pruned, 512u);
}

}  // namespace
}  // namespace notaus::audit
