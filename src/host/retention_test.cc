// Records go when they are old enough, and nothing else makes them go: no clock, no full disk, no other log.
#include "host/retention.h"

#include <fmt/format.h>
#include "audit/search.h"
#include "audit/verify.h"

#include <sys/resource.h>

#include <csignal>

#include "host/test_world.h"

namespace notaus::host {
namespace {

using Verdict = audit::Inspection::Verdict;

constexpr WallTime kNow{1'700'000'000'000};
constexpr std::int64_t kHour = 3'600'000;

const Retention kDay{"1d", std::chrono::hours(24)};
const Pruner kAna{.by = "ana", .keep = "1d"};

std::string hours_ago(std::int64_t hours) { return iso8601({kNow.ms - hours * kHour}); }

std::string nothing(const audit::Pruning&) { return {}; }

// Records of that time, more than a write-ahead segment takes.
void fill(const World& world, const std::string& at) {
  audit::Log log = open_log(world.site, kPatience).value();
  const std::vector<audit::Record> batch(600,
                                         {fmt::format(R"({{"kind":"note","at":"{}","text":"{}"}})", at, std::string(2000, 'x'))});
  ASSERT_TRUE(log.append(batch));
  ASSERT_TRUE(log.settle());
}

std::vector<std::string> of_kind(const World& world, const std::string& kind) {
  std::vector<std::string> out;
  auto log = audit::Search::open(world.site.state.log());
  EXPECT_TRUE(log->each({.kind = kind}, [&](const std::string& line) { return out.push_back(line), true; }));
  return out;
}

TEST(Retention, OfAgeAndOfBytes) {
  EXPECT_EQ(stays_of(kDay, kNow).since, hours_ago(24));
  EXPECT_EQ(stays_of(kDay, kNow).bytes, 0u);
  EXPECT_EQ(stays_of({"1MiB", {}, 1 << 20}, kNow).since, "");
  EXPECT_EQ(stays_of({"1MiB", {}, 1 << 20}, kNow).bytes, 1u << 20);
}

TEST(Retention, ARecordOfItComesFirstAndWhatStaysIsSound) {
  World world;
  fill(world, hours_ago(30));
  fill(world, hours_ago(20));
  auto pruned = prune(world.site, stays_of(kDay, kNow), kAna, kPatience, nothing);
  ASSERT_TRUE(pruned) << pruned.error().what;
  EXPECT_EQ(pruned->upto, 512u);
  const auto told = of_kind(world, "pruned");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].contains(R"("by":"ana","uid":0,"keep":"1d","before":")" + hours_ago(24) + R"(","from":0,"upto":512)"))
      << told[0];
  EXPECT_EQ(audit::verify(world.site.state.log(), "").pruned, 512u);
  EXPECT_EQ(prune(world.site, stays_of(kDay, kNow), kAna, kPatience, nothing)->count(), 0u);
  EXPECT_EQ(of_kind(world, "pruned").size(), 1u);
}

TEST(Retention, WhoObjectsIsObeyed) {
  World world;
  fill(world, hours_ago(30));
  auto pruned = prune(world.site, stays_of(kDay, kNow), kAna, kPatience, [](const audit::Pruning&) { return "no"; });
  EXPECT_EQ(pruned.error().what, "no");
  EXPECT_EQ(of_kind(world, "pruned").size(), 0u);
  EXPECT_EQ(audit::verify(world.site.state.log(), "").pruned, 0u);
}

// A clock that is ahead makes everything old. It shows by a gap, on this side of it or on the other.
TEST(Retention, AClockThatIsAheadIsDoubted) {
  struct Row {
    const char* what;
    std::int64_t old, young;  // hours before now; 0: none is
    bool doubted;
  } rows[] = {
      {"records as they come", 25, 23, false},          {"a day without one", 36, 12, false},
      {"more than a day without one", 37, 12, true},    {"the clock jumped a year", 8784, 1, true},
      {"and nothing was written since", 8784, 0, true}, {"none is young, and the last is a day old", 24, 0, false},
  };
  for (const Row& row : rows) {
    const audit::Pruning what{
        .log = "a", .upto = 256, .old = hours_ago(row.old), .young = row.young == 0 ? "" : hours_ago(row.young)};
    EXPECT_EQ(!doubt(what, kDay, kNow).empty(), row.doubted) << row.what;
    EXPECT_EQ(doubt({.log = "a", .old = what.old, .young = what.young}, kDay, kNow), "") << "nothing goes";
    EXPECT_EQ(doubt(what, {"1MiB", {}, 1 << 20}, kNow), "") << "no clock is asked";
  }
  EXPECT_NE(doubt({.log = "a", .upto = 256, .old = "yesterday", .young = hours_ago(1)}, kDay, kNow), "");
}

TEST(Retention, WithoutADurableRecordNothingGoes) {
  World world;
  fill(world, hours_ago(30));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto refused = prune(world.site, stays_of(kDay, kNow), kAna, kPatience, [&](const audit::Pruning&) {
    const rlimit none{1, before.rlim_max};  // as on a full disk: no file gets a byte more
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
    return "";
  });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what.contains("nothing was pruned")) << refused.error().what;
  const auto found = audit::verify(world.site.state.log(), "");
  EXPECT_EQ(found.verdict, Verdict::sound) << found.what;
  EXPECT_EQ(found.pruned, 0u);
  EXPECT_TRUE(prune(world.site, stays_of(kDay, kNow), kAna, kPatience, nothing));  // control
  EXPECT_EQ(audit::verify(world.site.state.log(), "").pruned, 512u);
}

// Looked at in one log, and another was in its place before anything went.
TEST(Retention, AnotherLogLosesNothing) {
  World world;
  fill(world, hours_ago(30));
  auto refused = prune(world.site, stays_of(kDay, kNow), kAna, kPatience, [&](const audit::Pruning&) {
    fs::remove_all(world.site.state.log());
    fill(world, hours_ago(1));
    return "";
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::gone);
  EXPECT_EQ(audit::verify(world.site.state.log(), "").pruned, 0u);
  EXPECT_EQ(of_kind(world, "pruned").size(), 0u);
}

}  // namespace
}  // namespace notaus::host
