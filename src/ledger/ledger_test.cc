// What every ledger owes (ledger/ledger.h). A new implementation adds its opener to `kLedgers`; nothing else here changes.
#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/id.h"

namespace notaus::ledger {
namespace {

using core::Act;
using core::Action;

struct World {
  std::filesystem::path dir = std::filesystem::temp_directory_path() / ("ledger-" + new_id());
  World() { std::filesystem::create_directories(dir); }
  ~World() { std::filesystem::remove_all(dir); }
  [[nodiscard]] std::string path() const { return (dir / "ledger.db").string(); }
};

struct Kind_ {
  const char* name;
  std::function<Result<>(World&)> create;
  std::function<Result<std::unique_ptr<Ledger>>(World&)> open;
};

class Conformance : public testing::TestWithParam<Kind_> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(GetParam().create(world));
    ledger = open();
  }
  std::unique_ptr<Ledger> open() { return std::move(GetParam().open(world).value()); }

  World world;
  std::unique_ptr<Ledger> ledger;
};

Action stop(const std::string& tenant, const std::string& stop_id = new_id()) {
  Action action;
  action.id = new_id();
  action.by = "ana";
  action.at = {1000};
  action.stop.id = stop_id;
  action.stop.selector.tenant = tenant;
  action.stop.reason = "dup \"mails\"\n\xff";
  return action;
}

Action resume(const std::string& stop_id, std::uint64_t seen) {
  Action action;
  action.id = new_id();
  action.act = Act::resume;
  action.by = "bob";
  action.reason = "fixed";
  action.target = stop_id;
  action.seen = seen;
  return action;
}

TEST_P(Conformance, BeginsEmptyWithAnEpochThatStays) {
  auto state = ledger->read();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->revision, 0u);
  EXPECT_EQ(state->epoch.size(), 32u);
  EXPECT_EQ(open()->read()->epoch, state->epoch);
}

TEST_P(Conformance, AppendIsReadByOthersAndCountsOne) {
  auto after = ledger->append(stop("acme", "s1"));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->revision, 1u);
  auto seen = open()->read();
  ASSERT_EQ(seen->stops.size(), 1u);
  EXPECT_EQ(seen->stops[0].selector.tenant, "acme");
  EXPECT_EQ(seen->stops[0].asserted, 1u);
}

// Only ever shorter: a repeat that does not ask for an end takes none back.
TEST_P(Conformance, AStopKeepsItsShortestGrace) {
  using Grace = std::optional<std::chrono::milliseconds>;
  struct {
    Grace given, kept;
  } repeats[] = {{{}, {}},
                 {std::chrono::seconds(2), std::chrono::seconds(2)},
                 {{}, std::chrono::seconds(2)},
                 {std::chrono::seconds(9), std::chrono::seconds(2)},
                 {std::chrono::seconds(0), std::chrono::seconds(0)}};
  for (const auto& repeat : repeats) {
    Action action = stop("acme", "s1");
    action.stop.grace = repeat.given;
    ASSERT_TRUE(ledger->append(action));
    EXPECT_EQ(open()->read()->stops.at(0).grace, repeat.kept);
  }
  EXPECT_EQ(open()->actions(0)->at(1).action.stop.grace, Grace(std::chrono::seconds(2)));
}

TEST_P(Conformance, AnActionOfOneHostIsRecordedAndChangesNothing) {
  Action action = stop("acme", "s1");
  action.host = "web-1";
  EXPECT_EQ(ledger->append(action)->revision, 1u);
  EXPECT_TRUE(open()->read()->stops.empty());
  EXPECT_EQ(open()->actions(0)->at(0).action.host, "web-1");
  EXPECT_TRUE(open()->accounted({action.id})->contains(action.id));
}

TEST_P(Conformance, AppendOfTheSameIdChangesNothing) {
  Action action = stop("acme");
  ASSERT_TRUE(ledger->append(action));
  auto again = ledger->append(action);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->revision, 1u);
  EXPECT_EQ(ledger->actions(0)->size(), 1u);
}

TEST_P(Conformance, AResumeNeverWinsOverALaterStop) {
  ASSERT_TRUE(ledger->append(stop("acme", "s1")));
  ASSERT_TRUE(ledger->append(stop("acme", "s1")));
  EXPECT_EQ(ledger->append(resume("s1", 1)).error().kind, Kind::refused);
  EXPECT_EQ(ledger->read()->revision, 2u);  // a refusal stores nothing
  EXPECT_TRUE(ledger->append(resume("s1", 2)));
  EXPECT_EQ(ledger->append(resume("s1", 3)).error().kind, Kind::gone);
}

TEST_P(Conformance, AccountsForActionsByTheirId) {
  const Action placed = stop("acme", "s1"), repeated = stop("acme", "s1");
  ASSERT_TRUE(ledger->append(placed));
  ASSERT_TRUE(ledger->append(repeated));
  ASSERT_TRUE(ledger->append(resume("s1", 2)));
  EXPECT_EQ(*ledger->accounted({placed.id, repeated.id, "another"}), (Revisions{{placed.id, 1}, {repeated.id, 2}}));
}

TEST_P(Conformance, StateIsTheFoldOfItsActionsUnderConcurrentWriters) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([this, w] {
      auto mine = open();
      for (int i = 0; i < 25; ++i) {
        auto after = mine->append(stop("tenant" + std::to_string(w), "s" + std::to_string(w)));
        ASSERT_TRUE(after) << after.error().what;
        if (i % 3 == 0) (void)mine->append(resume("s" + std::to_string((w + 1) % 4), after->revision));
      }
    });
  for (auto& writer : writers) writer.join();
  std::vector<Action> actions;
  std::uint64_t revision = 0;
  const auto entries = ledger->actions(0);
  for (const Entry& entry : *entries) {
    EXPECT_EQ(entry.revision, ++revision);
    actions.push_back(entry.action);
  }
  auto state = ledger->read();
  EXPECT_EQ(core::fold(state->epoch, actions).value(), *state);
  EXPECT_GE(revision, 100u);
}

INSTANTIATE_TEST_SUITE_P(Ledgers, Conformance,
                         testing::Values(Kind_{"sqlite", [](World& w) { return create_sqlite(w.path()); },
                                               [](World& w) { return open_sqlite(w.path(), std::chrono::seconds(10)); }}),
                         [](const auto& each) { return each.param.name; });

std::uintmax_t log_size(const World& world) {
  std::error_code none;
  const auto size = std::filesystem::file_size(world.path() + "-wal", none);
  return none ? 0 : size;
}

TEST(Sqlite, AStopWritesWhatItIsAndNotWhatStands) {
  World world;
  ASSERT_TRUE(create_sqlite(world.path()));
  auto ledger = open_sqlite(world.path(), std::chrono::seconds(10)).value();
  Action large = stop("acme");
  large.stop.reason = std::string(2000, 'x');
  for (int i = 0; i < 200; ++i) {
    large.id = large.stop.id = new_id();
    ASSERT_TRUE(ledger->append(large));
  }
  const auto before = log_size(world);
  ASSERT_TRUE(ledger->append(stop("globex")));
  EXPECT_GT(log_size(world), before);
  EXPECT_LT(log_size(world) - before, 64u << 10);
}

// Nobody but commands that stop, one behind the other, as in a script: each has to read what the ones before left there.
TEST(Sqlite, ItsLogStaysShortAlsoIfAllWhoComeAppend) {
  World world;
  ASSERT_TRUE(create_sqlite(world.path()));
  std::uintmax_t longest = 0;
  for (int i = 0; i < 150; ++i) {
    ASSERT_TRUE(open_sqlite(world.path(), std::chrono::seconds(10)).value()->append(stop("acme")));
    longest = std::max(longest, log_size(world));
  }
  EXPECT_GT(longest, 512u << 10) << "and is not shortened by each";
  EXPECT_LT(longest, 2u << 20);
  EXPECT_EQ(open_sqlite(world.path(), {}).value()->read()->revision, 150u);
}

TEST(Sqlite, WhatIsNotThereIsGoneAndIsNotMade) {
  World world;
  EXPECT_EQ(open_sqlite(world.path(), {}).error().kind, Kind::gone);
  EXPECT_FALSE(std::filesystem::exists(world.path()));
}

TEST(Sqlite, ReplacesNoLedgerAndReadsNoGarbage) {
  World world;
  ASSERT_TRUE(create_sqlite(world.path()));
  EXPECT_EQ(create_sqlite(world.path()).error().kind, Kind::refused);
  std::ofstream(world.path(), std::ios::trunc) << std::string(8192, 'x');
  auto ledger = open_sqlite(world.path(), {});
  EXPECT_TRUE(!ledger || ledger.value()->read().error().kind == Kind::broken);
}

}  // namespace
}  // namespace notaus::ledger
