// Facts go up exactly once: whatever dies between a point and the log's fsync, nothing is lost and nothing is told twice.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include <nlohmann/json.hpp>
#include <notaus/guard.hpp>

#include "audit/view.h"
#include "base/test_within.h"
#include "host/test_world.h"
#include "page/report.h"
#include "page/test_process.h"

namespace notaus::host {
namespace {

using Json = nlohmann::json;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send", .args = "to=bo"};
constexpr Call kDenied{.tenant = "globex", .agent = "mailer", .run = "run-7", .tool = "email.send"};

// outcome -> how often, of admitted writes; "blocked", "gap" and other kinds by their count.
std::map<std::string, std::uint64_t> tally(const World& world) {
  std::map<std::string, std::uint64_t> out;
  for (const std::string& line : audit::read_log(world.site.state.log()).value()) {
    Json record = Json::parse(line, nullptr, false);
    if (!record.is_object()) continue;
    const std::string kind = record["kind"];
    if (kind == "admitted_write")
      ++out[record["outcome"]];
    else if (kind == "unclean_start")
      ++out[record["what"]];
    else
      out[kind == "blocked_agg" ? "blocked" : kind] += record.value("count", std::uint64_t{1});
  }
  return out;
}

using Tally = std::map<std::string, std::uint64_t>;

// Runs `act` with a guard of its own in another process, which is then killed.
void in_a_process_that_is_killed(const World& world, const std::function<void(Guard&)>& act) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    Guard guard = Guard::open({.state = world.site.state.path, .name = "victim"});
    act(guard);
    (void)!write(ready[1], "x", 1);
    while (true) pause();
  }
  close(ready[1]);
  char byte = 0;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

// But for drafts (see make_file).
std::size_t files_in(const std::string& directory) {
  return static_cast<std::size_t>(std::count_if(fs::directory_iterator(directory), {}, [](const fs::directory_entry& file) {
    return !file.path().filename().string().starts_with('.');
  }));
}

bool drained(const World& world) {
  auto done = drain(world.site, kPatience);
  EXPECT_TRUE(done) << done.error().what;
  return done.has_value();
}

TEST(Drain, AKilledProcessLeavesEachOfItsCallsOnce) {
  World world;
  world.stop("globex");
  in_a_process_that_is_killed(world, [](Guard& guard) {
    static std::vector<Admission> in_flight;  // outlives the kill
    for (int i = 0; i < 3; ++i) in_flight.push_back(guard.admit(kSend));
    for (int i = 0; i < 4; ++i) guard.admit(kSend).permit().done(Outcome::done);
    for (int i = 0; i < 25; ++i) (void)guard.admit(kDenied);
  });
  const Tally expected = {{"unknown", 3}, {"done", 4}, {"blocked", 25}, {"stop", 1}};
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), expected);
  EXPECT_EQ(files_in(world.site.state.slots()), 0u);
  EXPECT_EQ(files_in(world.site.state.spool()), 0u);
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), expected);
}

// A kill between a record and the note that it was told: what the last record of the spool tells is not told again, whether a drain came
// by before the process died or not.
TEST(Drain, WhatWasToldAndNotNotedIsLoggedOnce) {
  enum class Told { write, denials, losses };
  struct Row {
    Told told;
    Tally expected;
  } rows[] = {{Told::write, {{"done", 1}}}, {Told::denials, {{"blocked", 7}}}, {Told::losses, {{"gap", 5}}}};
  for (const Row& row : rows)
    for (bool drained_before : {false, true}) {
      World world;
      {
        page::Process victim(world.site.state);
        page::Attachment& here = victim.attachment;
        page::SlotsFile& file = here.slots().file();
        if (row.told == Told::write) here.admit(kSend, 1).permit().done(Outcome::done);
        for (int i = 0; row.told == Told::denials && i < 7; ++i) here.count_denial(kDenied, {.why = Why::stop_all});
        if (row.told == Told::losses) file.head.lost_denials = 5;
        page::Spool spool(world.site.state, here.slots().process());
        page::drain_facts(here, spool);
        file.head.tail = 0;
        file.tallies[0].more.told = 0;
        file.head.told_denials = 0;
        if (drained_before) ASSERT_TRUE(drained(world));
        EXPECT_EQ(tally(world), drained_before ? row.expected : Tally{});
      }
      ASSERT_TRUE(drained(world));
      EXPECT_EQ(tally(world), row.expected);
      EXPECT_EQ(files_in(world.site.state.slots()), 0u);
    }
}

TEST(Drain, OfACountThatWentOnTheRestIsTold) {
  World world;
  {
    page::Process victim(world.site.state);
    page::Attachment& here = victim.attachment;
    for (int i = 0; i < 7; ++i) here.count_denial(kDenied, {.why = Why::stop_all});
    here.slots().file().head.lost_denials = 5;
    page::Spool spool(world.site.state, here.slots().process());
    page::drain_facts(here, spool);
    for (int i = 0; i < 3; ++i) here.count_denial(kDenied, {.why = Why::stop_all});
    here.slots().file().head.lost_denials = 6;
  }
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), (Tally{{"blocked", 10}, {"gap", 6}}));
}

// Killed at each step between a call's claim and the end of its record. What cannot be known is named, and neither told nor counted.
TEST(Drain, ACallThatAKillOvertookIsToldOnceOrNamed) {
  using page::SlotState;
  struct Row {
    const char* at;
    std::function<void(page::Attachment&)> until;
    Tally expected;
  };
  const auto claim = [](page::Attachment& here) {
    Call call = kDenied;
    call.effect = Effect::write;
    return here.slots().claim(call, 1).value();
  };
  const auto push = [](page::Attachment& here, const page::Claim& one) {
    EXPECT_TRUE(here.slots().push(one, {page::Fact::blocked, Outcome::not_sent, Why::stop_all, "s", 1, moment_now()}));
  };
  const auto dropped = [](page::Attachment& here, std::uint64_t in_cell, std::uint64_t counted, std::uint64_t tail) {
    auto& file = here.slots().file();
    file.cells[0].dropped = in_cell;
    file.head.dropped_denials = counted;
    file.head.tail = tail;
  };
  const Row rows[] = {
      {"claimed", [&](auto& here) { (void)claim(here); }, {{"undecided", 1}}},
      {"admitted", [&](auto& here) { here.slots().entry(claim(here).slot).word = 7; }, {{"unknown", 1}}},
      {"ended", [&](auto& here) { here.slots().finish(claim(here), Outcome::done); }, {{"done", 1}}},
      {"denied", [&](auto& here) { here.slots().finish(claim(here), Outcome::not_sent, SlotState::counting); }, {{"uncounted", 1}}},
      {"denied and in the ring",
       [&](auto& here) {
         auto one = claim(here);
         here.slots().finish(one, Outcome::not_sent, SlotState::counting);
         push(here, one);
       },
       {{"blocked", 1}}},
      {"denied and told in a spool",
       [&](auto& here) {
         auto one = claim(here);
         here.slots().finish(one, Outcome::not_sent, SlotState::counting);
         push(here, one);
         here.slots().file().head.tail = 1;
       },
       {}},
      {"dropped, noted in the cell", [&](auto& here) { push(here, claim(here)), dropped(here, 1, 0, 0); }, {{"gap", 1}}},
      {"dropped and counted", [&](auto& here) { push(here, claim(here)), dropped(here, 1, 1, 0); }, {{"gap", 1}}},
      {"dropped and passed", [&](auto& here) { push(here, claim(here)), dropped(here, 1, 1, 1); }, {{"gap", 1}}},
  };
  for (const Row& row : rows) {
    World world;
    {
      page::Process victim(world.site.state);
      page::Attachment& here = victim.attachment;
      row.until(here);
    }
    ASSERT_TRUE(drained(world));
    EXPECT_EQ(tally(world), row.expected) << row.at;
    ASSERT_TRUE(drained(world));
    EXPECT_EQ(tally(world), row.expected) << row.at;
  }
}

// A page that was replaced leaves slots behind, until their calls have ended; what they tell lies in the spool that says how far.
TEST(Drain, EachSlotFileIsToldOfInItsOwnSpool) {
  World world;
  Guard guard = Guard::open({.state = world.site.state.path, .name = "stays"});
  Admission held = guard.admit(kSend);
  ASSERT_TRUE(held);
  fs::remove(world.site.state.page());
  (void)sync(world.site, kPatience);
  ASSERT_TRUE(within([&] { return files_in(world.site.state.slots()) == 2; }));
  held.permit().done(Outcome::done);
  auto records = [&] {
    std::vector<std::pair<std::string, std::string>> out;  // the spool, and the point that its record names
    for (page::Segment& segment : page::list_segments(world.site.state)) {
      EXPECT_TRUE(page::read_segment(segment, 0));
      for (const page::SpoolRecord& record : segment.records) out.emplace_back(segment.process, Json::parse(record.json)["point"]);
    }
    return out;
  };
  ASSERT_TRUE(within([&] { return records().size() == 1; }));
  EXPECT_EQ(records()[0].first, records()[0].second);
}

// Killed after its 100th byte; a file that is being made by the living stays, and so does one that has no byte yet.
TEST(Drain, AFileThatAKillCutShortIsRemoved) {
  World world;
  const std::string directories[] = {world.site.state.slots(), world.site.state.spool()};
  auto all_files = [](const std::string& directory) { return std::distance(fs::directory_iterator(directory), {}); };
  for (const std::string& directory : directories) {
    pid_t child = fork();
    if (child == 0) {
      const rlimit limit{100, 100};
      setrlimit(RLIMIT_FSIZE, &limit);
      (void)page::make_file(directory + "/file", std::string(1000, 'x'), 0600);
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << status;
    ASSERT_EQ(all_files(directory), 1);
  }
  auto lives = open_file(directories[0] + "/.lives", O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(write(lives->get(), "x", 1), 1);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  ASSERT_EQ(fcntl(lives->get(), F_OFD_SETLK, &whole), 0);
  ASSERT_TRUE(open_file(directories[1] + "/.empty", O_RDWR | O_CREAT, 0600));
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(all_files(directories[0]), 1);
  EXPECT_EQ(all_files(directories[1]), 1);
  lives = Fd();
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(all_files(directories[0]), 0);
}

TEST(Drain, ALivingProcessKeepsItsCallsInFlight) {
  World world;
  Guard guard = Guard::open({.state = world.site.state.path});
  Admission in_flight = guard.admit(kSend);
  ASSERT_TRUE(in_flight);
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), Tally{});
  EXPECT_EQ(files_in(world.site.state.slots()), 1u);
}

TEST(Drain, ASpoolThatGrowsMeanwhileIsReadOnWhereItEnded) {
  World world;
  page::Spool spool(world.site.state, "writer");
  auto write = [&](int n) { EXPECT_TRUE(spool.append("{\"kind\":\"note\",\"count\":" + std::to_string(n) + "}")); };
  write(1);
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), (Tally{{"note", 1}}));
  write(10);
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), (Tally{{"note", 11}}));
  write(100);
  spool.close();
  ASSERT_TRUE(drained(world));
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), (Tally{{"note", 111}}));
  EXPECT_EQ(files_in(world.site.state.spool()), 0u);
}

// A crash after the log's fsync and before what comes next: the sources lie there again.
TEST(Drain, ACrashAfterTheLogDoublesNothing) {
  World world;
  world.stop("globex");
  in_a_process_that_is_killed(world, [](Guard& guard) {
    static std::vector<Admission> in_flight;
    in_flight.push_back(guard.admit(kSend));
    guard.admit(kSend).permit().done(Outcome::done);
    for (int i = 0; i < 25; ++i) (void)guard.admit(kDenied);
  });
  const std::string state = world.site.state.path, copy = state + "/.copy";
  fs::create_directories(copy);
  fs::copy(world.site.state.slots(), copy + "/slots", fs::copy_options::recursive);
  fs::copy(world.site.state.spool(), copy + "/spool", fs::copy_options::recursive);
  auto sources_again = [&] {
    fs::copy(copy + "/slots", world.site.state.slots(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    fs::copy(copy + "/spool", world.site.state.spool(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  };
  ASSERT_TRUE(drained(world));
  const Tally once = tally(world);
  EXPECT_EQ(once, (Tally{{"unknown", 1}, {"done", 1}, {"blocked", 25}, {"stop", 1}}));
  sources_again();
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), once);
  EXPECT_EQ(files_in(world.site.state.slots()), 0u);
  // Control: with nothing of the log either, they are told again.
  sources_again();
  fs::remove_all(world.site.state.log());
  ASSERT_TRUE(drained(world));
  Tally anew = once;
  anew["audit_degraded"] = 1;
  EXPECT_EQ(tally(world), anew);
}

// Whoever logs a spool removes it afterwards and may append nothing more: what the log knows of it goes with the next append.
TEST(Drain, TheLogForgetsWhatIsGone) {
  World world;
  auto log_a_spool = [&](const std::string& name) {
    page::Spool spool(world.site.state, name);
    ASSERT_TRUE(spool.append(R"({"kind":"note"})"));
    spool.close();
    auto log = open_log(world.site, kPatience).value();
    ASSERT_TRUE(log_actions(world.site, log, *open_ledger(world.site, kPatience).value(), name));
  };
  auto known = [&] { return audit::Log::open(world.site.log(), kPatience)->cursor().spools.size(); };
  log_a_spool("stop-1");
  EXPECT_EQ(known(), 1u) << "else a crash before its removal would have logged it twice";
  log_a_spool("stop-2");
  EXPECT_EQ(known(), 1u) << "stop-2 alone";
  EXPECT_EQ(tally(world), (Tally{{"note", 2}}));
}

// Whoever drains much lets others have the log meanwhile.
TEST(Drain, AResumeNeedNotWaitForAllThatLiesInTheSpools) {
  World world;
  constexpr int kSpools = 100;
  for (int i = 0; i < kSpools; ++i) {
    page::Spool spool(world.site.state, "writer-" + std::to_string(i));
    for (int n = 0; n < 8; ++n)
      ASSERT_TRUE(spool.append("{\"kind\":\"note\",\"count\":1,\"text\":\"" + std::string(30'000, 'x') + "\"}"));
    spool.close();
  }
  std::thread drainer([&] { EXPECT_TRUE(drained(world)); });
  while (files_in(world.site.state.spool()) == kSpools) std::this_thread::yield();
  {
    auto log = audit::Log::open(world.site.log(), kPatience);
    ASSERT_TRUE(log) << log.error().what;
    EXPECT_GT(files_in(world.site.state.spool()), 0u);
    EXPECT_TRUE(log->append({{R"({"kind":"resume"})"}}));
  }
  drainer.join();
  EXPECT_EQ(tally(world), (Tally{{"note", kSpools * 8}, {"resume", 1}}));
}

TEST(Drain, AFullDiskLosesAndDoublesNothing) {
  World world;
  page::Spool spool(world.site.state, "writer");
  const std::string filler(2000, 'x');
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(spool.append("{\"kind\":\"note\",\"count\":1,\"text\":\"" + filler + "\"}"));
  spool.close();
  auto before = signal(SIGXFSZ, SIG_IGN);
  rlimit limits{}, unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  limits = {10'000, unlimited.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limits);
  auto full = drain(world.site, kPatience);
  setrlimit(RLIMIT_FSIZE, &unlimited);
  (void)signal(SIGXFSZ, before);
  EXPECT_FALSE(full);
  EXPECT_EQ(tally(world), Tally{});
  EXPECT_EQ(files_in(world.site.state.spool()), 1u);
  ASSERT_TRUE(drained(world));
  EXPECT_EQ(tally(world), (Tally{{"note", 20}}));
}

}  // namespace
}  // namespace notaus::host
