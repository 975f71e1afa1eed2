// The use cases as an operator meets them: what a stop can and cannot be refused, what a resume can, and which exit code says so.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include <notaus/guard.hpp>

#include "audit/view.h"
#include "control/names.h"
#include "control/resume.h"
#include "control/status.h"
#include "control/stop.h"
#include "host/test_world.h"

namespace notaus::control {
namespace {

namespace fs = std::filesystem;
using core::Mode;
using host::World;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};

StopRequest request(const std::string& tenant, const std::string& by = "ana", Mode mode = Mode::stop_all) {
  return {.selector = {.tenant = tenant},
          .mode = mode,
          .reason = "duplicate mails",
          .by = by,
          .at_most = std::chrono::milliseconds(3000)};
}

Guard point(const World& world) { return Guard::open({.state = world.site.state.path, .tenant = "acme", .agent = "mailer"}); }

bool admitted(Guard& guard, const Call& call = kSend) {
  Admission admission = guard.admit(call);
  if (!admission) return false;
  admission.permit().done(Outcome::done);
  return true;
}

bool says(const std::vector<std::string>& warnings, std::string_view part) {
  return std::ranges::any_of(warnings, [&](const std::string& line) { return line.contains(part); });
}

// --- names ---------------------------------------------------------------------------------------------------------------------

TEST(Names, Nearest) {
  struct Row {
    const char* name;
    std::set<std::string> known;
    std::vector<std::string> near;
  } rows[] = {
      {"acne", {"acme", "globex"}, {"acme"}},
      {"acme-prod", {"acme", "globex"}, {"acme"}},         // begins alike
      {"glob", {"acme", "globex"}, {"globex"}},
      {"ac", {"acme"}, {}},                                // too short to mean anything
      {"email.sned", {"email.read", "email.send", "crm.find"}, {"email.send", "email.read"}},
      {"aaaa", {"aaab", "aaac", "aaad", "aaae"}, {"aaab", "aaac", "aaad"}},  // three at most
      {"abcdefgh", {"abcdefgx", "abcdefgh1"}, {"abcdefgh1", "abcdefgx"}},
      {"zzz", {"acme"}, {}},
      {"acme", {}, {}},
      {"acme", {std::string(300, 'a')}, {}},
  };
  for (const Row& row : rows) EXPECT_EQ(nearest(row.name, row.known), row.near) << row.name;
}

TEST(Names, UnknownFields) {
  Names names{.tenants = {"acme"}, .agents = {}, .tools = {"email.send", "browser.*"}};
  struct Row {
    core::Selector selector;
    std::vector<std::string> lines;
  } rows[] = {
      {{}, {}},
      {{.tenant = "acme"}, {}},
      {{.tenant = "acne"}, {"no tenant acne was ever seen; nearest: acme"}},
      {{.tenant = "zzz"}, {"no tenant zzz was ever seen"}},
      {{.agent = "mailer"}, {"no agent mailer was ever seen; no agent was"}},
      {{.tool = "email.send"}, {}},
      {{.tool = "email.*"}, {}},        // covers what is known
      {{.tool = "browser.click"}, {}},  // is covered by what is known
      {{.tool = "email.sent"}, {"no tool email.sent was ever seen; nearest: email.send"}},
      {{.tenant = "acne", .tool = "x"}, {"no tenant acne was ever seen; nearest: acme", "no tool x was ever seen"}},
  };
  for (const Row& row : rows) EXPECT_EQ(unknown_fields(row.selector, names), row.lines) << core::text(row.selector);
}

// --- exit codes of stop() ------------------------------------------------------------------------------------------------------

TEST(Stop, ExitCodes) {
  enum Point { guarded, alone };
  struct Row {
    const char* what;
    Point point;
    std::function<void(World&)> before;
    std::function<void(StopRequest&)> change;
    int exit;
    bool stored, confirmed, stops;
  };
  const auto nothing = [](auto&) {};
  const Row rows[] = {
      {"confirmed", guarded, nothing, nothing, kDone, true, true, true},
      {"a misspelt tenant", guarded, nothing, [](StopRequest& r) { r.selector.tenant = "acne"; }, kNothingMatches, true, true,
       false},
      {"nobody is guarded", alone, nothing, nothing, kNothingMatches, true, true, true},
      {"not waited for", guarded, nothing, [](StopRequest& r) { r.wait = Wait::not_at_all; }, kNotConfirmed, true, false, true},
      {"a silent point", guarded, [](World& w) { std::ofstream(w.site.state.slots() + "/broken") << "x"; }, nothing, kNotConfirmed,
       true, false, true},
      {"no ledger", guarded, [](World& w) { w.lose_ledger(); }, nothing, kNotInLedger, false, false, true},
      {"no state", alone,
       [](World& w) {
         fs::remove_all(w.site.state.path);
         std::ofstream(w.site.state.path) << "x";
       },
       nothing, kFailed, false, false, false},
  };
  for (const Row& row : rows) {
    World world;
    std::optional<Guard> guard;
    if (row.point == guarded) {
      guard.emplace(point(world));
      EXPECT_TRUE(admitted(*guard)) << row.what;  // control: before it, calls pass
    }
    row.before(world);
    StopRequest asked = request("acme");
    row.change(asked);
    Report report = stop(world.site, asked);
    EXPECT_EQ(report.exit, row.exit) << row.what << (report.warnings.empty() ? "" : ": " + report.warnings.front());
    EXPECT_EQ(report.stored, row.stored) << row.what;
    EXPECT_EQ(report.confirmed, row.confirmed) << row.what;
    if (guard) EXPECT_EQ(!admitted(*guard), row.stops) << row.what;
    if (guard) EXPECT_TRUE(admitted(*guard, {.tenant = "globex", .tool = "email.send"})) << row.what;
    const bool asked_for = asked.wait == Wait::not_at_all;
    EXPECT_EQ(report.exit == kDone || asked_for, report.warnings.empty()) << row.what;  // else it says why
  }
}

// `stop --global` has stopped something here, and the agents that were meant run under another state.
TEST(Stop, AGlobalStopNamesTheOtherStatesOfThisMachine) {
  World world, other;
  Guard guard = point(world);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t elsewhere = fork();
  if (elsewhere == 0) {
    Guard theirs = point(other);
    (void)!write(ready[1], "x", 1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  StopRequest everything = request("");
  Report one = stop(world.site, request("acme")), all = stop(world.site, everything);
  kill(elsewhere, SIGKILL);
  waitpid(elsewhere, nullptr, 0);
  EXPECT_EQ(all.exit, kDone);
  EXPECT_TRUE(says(all.warnings, "--state " + other.site.state.path));
  EXPECT_FALSE(says(one.warnings, other.site.state.path));  // one tenant of this state: no news
}

TEST(Stop, ListsWhatIsInFlight) {
  World world;
  Guard guard = point(world);
  Admission in_flight = guard.admit(kSend), other = guard.admit({.tenant = "globex", .tool = "email.send"});
  Report report = stop(world.site, request("acme"));
  EXPECT_EQ(report.exit, kDone);
  ASSERT_EQ(report.in_flight.size(), 1u);
  EXPECT_EQ(report.in_flight[0].call.id(), in_flight.permit().id());
  EXPECT_EQ(report.in_flight[0].call.outcome, Outcome::running);
  EXPECT_TRUE(report.in_flight_complete);
}

TEST(Stop, ARepeatKeepsIdAndReasonAndAnothersIsARecordOfItsOwn) {
  World world;
  Guard guard = point(world);
  Report first = stop(world.site, request("acme"));
  StopRequest asked = request("acme");
  asked.reason = "I mean it";
  Report again = stop(world.site, asked);
  EXPECT_EQ(again.record.id, first.record.id);
  EXPECT_EQ(again.record.reason, "duplicate mails");
  EXPECT_GT(*again.revision, *first.revision);
  Report bobs = stop(world.site, request("acme", "bob")), weaker = stop(world.site, request("acme", "ana", Mode::disable_writes));
  std::set<std::string> ids = {first.record.id, bobs.record.id, weaker.record.id};
  EXPECT_EQ(ids.size(), 3u);
  auto shown = host::sync(world.site, host::kPatience)->state;
  EXPECT_EQ(shown.stops.size(), 3u);
  Report lifted = resume(world.site, {.id = first.record.id, .selector = {}, .reason = "fixed", .by = "ana"});
  EXPECT_EQ(lifted.exit, kDone);
  EXPECT_EQ(lifted.still_stopped_by, (std::vector<std::string>{bobs.record.id, weaker.record.id}));
  EXPECT_FALSE(admitted(guard));
}

TEST(Stop, ARepeatIsOneStopAfterAReboot) {
  World world;
  Report first = stop(world.site, request("acme")), again = stop(world.site, request("acme"));
  ASSERT_EQ(again.record.id, first.record.id);
  fs::remove(world.site.state.page());
  auto shown = host::sync(world.site, host::kPatience)->state;
  ASSERT_EQ(shown.stops.size(), 1u);
  EXPECT_EQ(shown.stops[0].id, first.record.id);
}

// The stopper has died in between, or is only slow: whoever comes next tells the ledger, and it is told once.
TEST(Stop, ARepeatIsOneStopWhoeverTellsTheLedger) {
  for (const bool dies : {false, true}) {
    World world;
    Guard guard = point(world);
    Report first = stop(world.site, request("acme"));
    StopRequest asked = request("acme");
    std::optional<core::State> between;
    asked.placed = [&] {
      between = host::sync(world.site, host::kPatience)->state;
      if (dies) throw std::runtime_error("dies");
    };
    if (dies) {
      EXPECT_THROW((void)stop(world.site, asked), std::runtime_error);
    } else {
      Report again = stop(world.site, asked);
      EXPECT_EQ(again.exit, kDone);
      EXPECT_EQ(again.record.id, first.record.id);
    }
    ASSERT_TRUE(between.has_value());
    for (const core::State& shown : {*between, host::sync(world.site, host::kPatience)->state}) {
      ASSERT_EQ(shown.stops.size(), 1u);
      EXPECT_EQ(shown.stops[0].id, first.record.id);
      EXPECT_EQ(shown.stops[0].asserted, 2u);
      EXPECT_EQ(shown.revision, 2u);
    }
  }
}

// Page locked and ledger gone at once: the latch holds everything, and no stop must be lost when the latch is lifted.
TEST(Stop, StopsThatReachedOnlyTheLatchStandWhenItIsLifted) {
  World world;
  Guard guard = point(world);
  EXPECT_TRUE(admitted(guard));
  const std::string ledger = world.site.state.ledger();
  auto held = std::make_unique<page::PageLock>(page::PageLock::take(world.site.state, std::chrono::seconds(5)).value());
  fs::rename(ledger, ledger + ".away");
  for (const char* tenant : {"acme", "initech"}) {
    Report report = stop(world.site, request(tenant));
    EXPECT_EQ(report.exit, kNotInLedger);
    EXPECT_TRUE(report.durable);
  }
  EXPECT_FALSE(admitted(guard));
  held.reset();
  fs::rename(ledger + ".away", ledger);
  EXPECT_EQ(resume(world.site, {.id = "latch@here", .selector = {}, .reason = "fixed", .by = "ana"}).exit, kDone);
  EXPECT_FALSE(admitted(guard));
  EXPECT_FALSE(admitted(guard, {.tenant = "initech", .tool = "email.send"}));
  EXPECT_TRUE(admitted(guard, {.tenant = "globex", .tool = "email.send"}));  // control: the latch is gone
}

TEST(Stop, ARepeatOnTheLatchIsOneStopWhenItIsLifted) {
  World world;
  Guard guard = point(world);
  Report first = stop(world.site, request("acme"));
  auto held = std::make_unique<page::PageLock>(page::PageLock::take(world.site.state, std::chrono::seconds(5)).value());
  Report again = stop(world.site, request("acme"));
  EXPECT_EQ(again.record.id, first.record.id);
  held.reset();
  Report lifted = resume(world.site, {.id = "latch@here", .selector = {}, .reason = "fixed", .by = "ana"});
  EXPECT_EQ(lifted.exit, kDone);
  EXPECT_EQ(lifted.still_stopped_by, std::vector{first.record.id});
  EXPECT_FALSE(admitted(guard));
  EXPECT_EQ(resume(world.site, {.id = first.record.id, .selector = {}, .reason = "fixed", .by = "ana"}).exit, kDone);
  EXPECT_TRUE(admitted(guard));  // control
}

// A stop finds the page locked and stands on the latch; before it is stored, somebody lifts the latch, and a call goes through.
TEST(Stop, AStopWhoseLatchIsLiftedBeforeItIsStoredBeginsAgain) {
  World world;
  Guard guard = point(world);
  auto held = std::make_unique<page::PageLock>(page::PageLock::take(world.site.state, std::chrono::seconds(5)).value());
  std::optional<Admission> between;
  StopRequest asked = request("acme");
  asked.placed = [&] {
    if (std::exchange(held, nullptr) == nullptr) return;  // the second time
    EXPECT_EQ(resume(world.site, {.id = "latch@here", .selector = {}, .reason = "fixed", .by = "bob"}).exit, kDone);
    between.emplace(guard.admit(kSend));
  };
  Report report = stop(world.site, asked);
  EXPECT_EQ(report.exit, kDone);
  ASSERT_TRUE(between.has_value() && *between);
  ASSERT_EQ(report.in_flight.size(), 1u);
  EXPECT_EQ(report.in_flight[0].call.id(), between->permit().id());
  EXPECT_FALSE(admitted(guard));
  EXPECT_TRUE(admitted(guard, {.tenant = "globex", .tool = "email.send"}));  // control: it is no latch that denies
}

// A stop finds the page locked and stands on the latch; before it is stored, somebody recovers the state.
TEST(Stop, AStopOnTheLatchOfAPageThatIsReplacedStandsOnTheNext) {
  World world;
  Guard guard = point(world);
  auto held = std::make_unique<page::PageLock>(page::PageLock::take(world.site.state, std::chrono::seconds(5)).value());
  StopRequest asked = request("acme");
  asked.placed = [&] {
    if (std::exchange(held, nullptr) == nullptr) return;  // the second time
    ASSERT_TRUE(host::recover(world.site, "bob"));
    EXPECT_FALSE(admitted(guard));
  };
  Report report = stop(world.site, asked);
  EXPECT_EQ(report.exit, kDone);
  EXPECT_FALSE(admitted(guard));
  EXPECT_EQ(resume(world.site, {.id = "latch@here", .selector = {}, .reason = "fixed", .by = "bob"}).exit, kDone);
  Guard later = point(world);
  EXPECT_FALSE(admitted(later));
  EXPECT_TRUE(admitted(later, {.tenant = "globex", .tool = "email.send"}));  // control: it is no latch that denies
}

// Somebody waits for the lock to lift the latch; meanwhile a stop stands on it, and is stored.
TEST(Stop, AStopThatIsStoredWhileTheLatchIsBeingLiftedStandsAfterwards) {
  World world;
  Guard guard = point(world);
  EXPECT_TRUE(admitted(guard));
  auto held = std::make_unique<page::PageLock>(page::PageLock::take(world.site.state, std::chrono::seconds(5)).value());
  page::Publisher::open(world.site.state)->latch();
  Report lifted;
  std::thread lifter([&] { lifted = resume(world.site, {.id = "latch@here", .selector = {}, .reason = "fixed", .by = "bob"}); });
  auto intends = [&] {
    auto lines = audit::read_log(world.site.state.log());
    return lines && std::ranges::any_of(*lines, [](const std::string& line) { return line.contains("\"phase\":\"intent\""); });
  };
  while (!intends()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Report report = stop(world.site, request("acme"));
  EXPECT_EQ(report.exit, kDone);
  held.reset();
  lifter.join();
  EXPECT_EQ(lifted.exit, kDone);
  EXPECT_EQ(lifted.still_stopped_by, std::vector{report.record.id});
  EXPECT_FALSE(admitted(guard));
  EXPECT_TRUE(admitted(guard, {.tenant = "globex", .tool = "email.send"}));  // control: the latch is gone
}

// The lock's holder is suspended, as by a debugger or a frozen cgroup.
TEST(Stop, ALockHeldByASuspendedProcessMeansTheLatch) {
  World world;
  Guard guard = point(world);
  const Call elsewhere{.tenant = "globex", .tool = "email.send"};
  EXPECT_TRUE(admitted(guard));
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t holder = fork();
  if (holder == 0) {
    auto lock = page::PageLock::take(world.site.state, host::kPatience);
    (void)!write(ready[1], "x", 1);
    raise(SIGSTOP);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  int status = 0;
  waitpid(holder, &status, WUNTRACED);
  ASSERT_TRUE(WIFSTOPPED(status));
  auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double, std::milli> stopped_after{};
  std::thread watcher([&] {
    while (admitted(guard, elsewhere)) {
    }
    stopped_after = std::chrono::steady_clock::now() - start;
  });
  Report report = stop(world.site, request("acme"));
  watcher.join();
  EXPECT_GE(stopped_after.count(), 45);  // the lock was waited for
  EXPECT_LT(stopped_after.count(), 500);  // 50 ms and a busy machine
  EXPECT_TRUE(says(report.warnings, "latch@here"));
  EXPECT_FALSE(admitted(guard));
  EXPECT_FALSE(admitted(guard, elsewhere));
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  Report lifted = resume(world.site, {.id = "latch@here", .selector = {}, .reason = "fixed", .by = "ana"});
  EXPECT_EQ(lifted.exit, kDone) << lifted.warnings.front();
  EXPECT_FALSE(admitted(guard));  // the stop that was asked for still stands
  EXPECT_TRUE(admitted(guard, elsewhere));
}

// --- resume --------------------------------------------------------------------------------------------------------------------

TEST(Resume, EverythingCanRefuseIt) {
  struct Row {
    const char* what;
    std::function<void(World&)> before;
    std::function<void(ResumeRequest&)> change;
    const char* says;  // empty: it is done
  };
  const auto nothing = [](auto&) {};
  const Row rows[] = {
      {"nothing does", nothing, nothing, ""},
      {"no reason", nothing, [](ResumeRequest& r) { r.reason.clear(); }, "--reason"},
      {"no such stop", nothing, [](ResumeRequest& r) { r.id = "nosuchstop"; }, "no stop nosuchstop stands"},
      {"by selector", nothing,
       [](ResumeRequest& r) {
         r.id.clear();
         r.selector = core::Selector{.tenant = "acme"};
       },
       ""},
      {"by another selector", nothing,
       [](ResumeRequest& r) {
         r.id.clear();
         r.selector = core::Selector{};
       },
       "no stop global stands"},
      {"two of one selector", [](World& w) { (void)stop(w.site, request("acme", "bob")); },
       [](ResumeRequest& r) {
         r.id.clear();
         r.selector = core::Selector{.tenant = "acme"};
       },
       "2 stops stand"},
      {"the log is a file",
       [](World& w) {
         fs::remove_all(w.site.state.log());
         std::ofstream(w.site.state.log()) << "x";
       },
       nothing, "audit record"},
      {"the log's key cannot be read",
       [](World& w) {
         fs::remove(w.site.state.log() + "/key");
         fs::create_directory(w.site.state.log() + "/key");
       },
       nothing, "audit record"},
      {"the ledger is gone", [](World& w) { w.lose_ledger(); }, nothing, "ledger"},
      {"the ledger is garbage",
       [](World& w) {
         w.lose_ledger();
         std::ofstream(w.site.state.ledger()) << std::string(8192, 'x');
       },
       nothing, "ledger"},
  };
  for (const Row& row : rows) {
    World world;
    Guard guard = point(world);
    Report stopped = stop(world.site, request("acme"));
    ASSERT_EQ(stopped.exit, kDone) << row.what;
    row.before(world);
    ResumeRequest asked{.id = stopped.record.id, .selector = {}, .reason = "fixed", .by = "ana"};
    row.change(asked);
    Report report = resume(world.site, asked);
    const bool done = std::string_view(row.says).empty();
    EXPECT_EQ(report.exit, done ? kDone : kFailed) << row.what;
    EXPECT_EQ(admitted(guard), done) << row.what;
    if (!done) EXPECT_TRUE(says(report.warnings, row.says)) << row.what << ": " << report.warnings.front();
    if (done) EXPECT_TRUE(report.audit_durable);
  }
}

TEST(Resume, ItsIntentIsInTheLogBeforeItLoosens) {
  World world;
  Guard guard = point(world);
  Report stopped = stop(world.site, request("acme"));
  ASSERT_EQ(resume(world.site, {.id = stopped.record.id, .selector = {}, .reason = "fixed", .by = "ana"}).exit, kDone);
  auto lines = audit::read_log(world.site.state.log()).value();
  std::string order;
  for (const std::string& line : lines) {
    if (line.contains("\"kind\":\"stop\"")) order += "stop ";
    if (line.contains("\"kind\":\"resume\"")) order += line.contains("\"phase\":\"intent\"") ? "intent " : "resume ";
  }
  EXPECT_EQ(order, "stop intent resume ");
}

}  // namespace
}  // namespace notaus::control
