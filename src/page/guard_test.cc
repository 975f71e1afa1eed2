// A process at its page: admission, re-check, outcomes, forks, and pages that are not what they should be. Every denial has the same
// call admitted beside it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

#include <notaus/guard.hpp>

#include "page/scan.h"
#include "page/spool.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

template <class Which>
concept Admits = requires(Which guard) { std::forward<Which>(guard).admit(kSend); };
static_assert(Admits<Guard&> && !Admits<Guard>, "the Permit of a temporary Guard would point at nothing");

Guard open(const World& world) { return Guard::open({.state = world.state.path, .name = "test"}); }

std::vector<SeenCall> calls_seen(const World& world, std::uint64_t flipped = 0) {
  std::vector<SeenCall> out;
  for (const SeenPoint& point : scan(world.state, flipped)) {
    EXPECT_EQ(point.trouble, "");
    out.insert(out.end(), point.calls.begin(), point.calls.end());
  }
  return out;
}

std::string all_spooled(const World& world) {
  std::string out;
  for (const std::string& record : spooled(world)) out += record + "\n";
  return out;
}

TEST(Guard, AStopDeniesAndItsLiftAdmitsAgain) {
  World world;
  Guard guard = open(world);
  Handle handle = guard.handle(kSend);
  EXPECT_EQ(ask(guard, kSend), "ok");
  EXPECT_TRUE(handle.admit());
  world.stop(Mode::disable_writes, {.tenant = "acme"});
  EXPECT_EQ(ask(guard, kSend), "killed: writes_disabled:email.send");
  EXPECT_FALSE(handle.admit());
  EXPECT_EQ(ask(guard, kFind), "ok");
  EXPECT_EQ(ask(guard, {.tenant = "globex", .tool = "email.send"}), "ok");
  world.resume_all();
  EXPECT_EQ(ask(guard, kSend), "ok");
  EXPECT_TRUE(handle.admit());
}

TEST(Guard, ADenialNamesItsStopAndRevision) {
  World world;
  auto stop = world.stop(Mode::stop_all, {});
  Guard guard = open(world);
  Admission admission = guard.admit(kFind);
  ASSERT_FALSE(admission);
  EXPECT_EQ(admission.denial().stop, stop.id);
  EXPECT_EQ(admission.denial().revision, world.says.revision);
}

TEST(Guard, WhatWasAdmittedBeforeTheFlipIsOnTheListWithItsOutcome) {
  World world;
  Guard guard = open(world);
  Admission admission = guard.admit(kSend);
  ASSERT_TRUE(admission);
  world.stop(Mode::stop_all, {});
  auto seen = calls_seen(world, world.publisher->word());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].id(), admission.permit().id());
  EXPECT_EQ(seen[0].outcome, Outcome::running);
  EXPECT_EQ(outcome_now(world.state, seen[0]), Outcome::running);
  admission.permit().done(Outcome::done);
  EXPECT_EQ(outcome_now(world.state, seen[0]), Outcome::done);
  EXPECT_TRUE(calls_seen(world).empty());
}

TEST(Guard, AReadThatEndsBetweenFlipAndScanIsListedAsDone) {
  World world;
  Guard guard = open(world);
  Admission before = guard.admit(kFind);
  world.stop(Mode::stop_all, {});
  before.permit().done(Outcome::done);
  auto seen = calls_seen(world, world.publisher->word());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].outcome, Outcome::done);
}

TEST(Guard, RecheckDeniesWhatAStopOvertook) {
  World world;
  Guard guard = open(world);
  Admission overtaken = guard.admit(kSend), untouched = guard.admit(kFind);
  world.stop(Mode::disable_writes, {});
  auto denied = overtaken.permit().recheck();
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->reason, "killed: writes_disabled:email.send");
  EXPECT_FALSE(untouched.permit().recheck());
}

TEST(Guard, CallRunsTheFunctionOnlyIfAllowed) {
  World world;
  Guard guard = open(world);
  int ran = 0;
  EXPECT_FALSE(guard.call(kSend, [&] { ++ran; }));
  world.stop(Mode::stop_all, {.tenant = "acme"});
  EXPECT_EQ(guard.call(kSend, [&] { ++ran; })->reason, "killed: stop_all");
  EXPECT_EQ(ran, 1);
}

TEST(Guard, CheckAnswersAsAdmitDoesAndTakesNoSlot) {
  World world;
  Guard guard = open(world);
  EXPECT_FALSE(guard.check(kSend));
  auto stop = world.stop(Mode::disable_writes, {});
  EXPECT_EQ(guard.check(kSend).value().reason, "killed: writes_disabled:email.send");
  EXPECT_EQ(guard.check(kSend).value().stop, stop.id);
  EXPECT_FALSE(guard.check(kFind));
  EXPECT_TRUE(calls_seen(world).empty());
  std::filesystem::remove(world.state.page());
  EXPECT_TRUE(within([&] { return guard.check(kFind).has_value(); }));
  EXPECT_EQ(guard.check(kFind).value().reason, "killed: fenced:page_missing");
}

TEST(Guard, WhatWasTurnedAwayUnaskedIsRecordedWithItsReason) {
  World world;
  {
    Guard guard = open(world);
    guard.refused({.tenant = "acme", .tool = "email.send"}, "two ids");
    EXPECT_TRUE(calls_seen(world).empty());
    std::vector<Admission> all;
    while (Admission admission = guard.admit(kFind)) all.push_back(std::move(admission));
    guard.refused({.tenant = "acme", .tool = "email.send"}, "no id");  // there is no slot for it: counted
  }
  std::string spooled = all_spooled(world);
  EXPECT_TRUE(spooled.contains("\"tenant\":\"acme\",\"tool\":\"email.send\",\"reason\":\"rejected: two ids\"")) << spooled;
  EXPECT_TRUE(spooled.contains("\"kind\":\"blocked_agg\"")) << spooled;
  std::filesystem::remove(world.state.page());
  open(world).refused(kSend, "nobody listens");
}

TEST(Guard, AFullTableDeniesAndAFreedSlotAdmits) {
  World world;
  Guard guard = open(world);
  std::vector<Admission> all;
  for (std::uint32_t i = 0; i < kSlots; ++i) all.push_back(guard.admit(kFind));
  EXPECT_EQ(ask(guard, kFind), "killed: fenced:slots_full");
  all.pop_back();
  EXPECT_EQ(ask(guard, kFind), "ok");
}

TEST(Guard, WritesAndDenialsReachTheSpoolAndReadsDoNot) {
  World world;
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "ok");
  EXPECT_EQ(ask(guard, kSend), "ok");
  world.stop(Mode::disable_writes, {});
  EXPECT_EQ(ask(guard, kSend), "killed: writes_disabled:email.send");
  EXPECT_TRUE(within([&] { return all_spooled(world).contains("\"kind\":\"blocked\""); }));
  std::string spooled = all_spooled(world);
  EXPECT_TRUE(spooled.contains("\"kind\":\"admitted_write\"")) << spooled;
  EXPECT_FALSE(spooled.contains("crm.find")) << spooled;
}

TEST(Guard, AFloodOfDenialsIsCountedExactly) {
  World world;
  world.stop(Mode::stop_all, {});
  constexpr std::uint64_t kCalls = 20'000;
  {
    Guard guard = open(world);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < kCalls / 4; ++i) EXPECT_NE(ask(guard, kSend), "ok");
      });
    for (auto& thread : threads) thread.join();
  }
  std::uint64_t counted = 0;
  for (const std::string& record : spooled(world)) {
    std::size_t at = record.find("\"count\":");
    counted += at == std::string::npos ? 1 : std::stoull(record.substr(at + 8));
  }
  EXPECT_EQ(counted, kCalls);
}

TEST(Guard, NoPageDeniesUntilThereIsOne) {
  World world;
  std::filesystem::remove(world.state.page());
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "killed: fenced:page_missing");
  EXPECT_TRUE(guard.trouble().contains("notaus status")) << guard.trouble();
  world.replace();
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "ok"; }));
}

TEST(Guard, AReplacedPageDeniesAtOnceAndAnotherLedgersForEver) {
  World world;
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "ok");
  world.says.epoch = new_epoch();
  world.replace();
  EXPECT_EQ(ask(guard, kFind), "killed: fenced:page_missing");  // retired
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "killed: fenced:epoch_changed"; }));
  Guard fresh = open(world);
  EXPECT_EQ(ask(fresh, kFind), "ok");
}

// A process that has not called anything yet knows it by the page that it attached to.
TEST(Attachment, KnowsItsLedgerBeforeItsFirstCall) {
  World world;
  Witness witness;
  const bool alive = true;
  auto attach = [&] {
    return std::make_unique<Attachment>(LivePage::open(world.state, Access::read).value(),
                                        Slots::create(world.state, {"test", "", ""}, 1).value(), witness, &alive, world.state);
  };
  (void)attach();
  world.says.epoch = new_epoch();
  world.replace();
  EXPECT_EQ(attach()->ask(kFind).why, Why::epoch_changed);
  witness.epoch = 0;
  EXPECT_EQ(attach()->ask(kFind).why, Why::allowed) << "by who knew no other";
}

TEST(Guard, TheLookBeforeSendingHeedsTheScopeOfAStop) {
  World world;
  Guard guard = open(world);
  Admission call = guard.admit(kSend);
  world.stop(Mode::stop_all, {.tenant = "globex"});
  world.stop(Mode::stop_all, {.agent = "other"});
  EXPECT_FALSE(call.permit().recheck());
  world.stop(Mode::stop_all, {.agent = "mailer"});
  EXPECT_TRUE(call.permit().recheck());
}

// Where nothing was ever published: a Handle that has asked nothing yet remembers nothing.
TEST(Guard, AHandleIsNotAdmittedByAPageThatSaysNothing) {
  World world;
  Guard guard = open(world);
  Handle fresh = guard.handle(kFind);
  LivePage page = LivePage::open(world.state, Access::write).value();
  Word& word = page.head().word;
  const std::uint64_t published = word.exchange(0);
  Admission none = fresh.admit();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.denial().reason, "killed: fenced:page_missing");
  EXPECT_TRUE(none.denial().help.contains("notaus status")) << none.denial().help;
  word.store(published);
  EXPECT_TRUE(fresh.admit());
  world.stop(Mode::stop_all, {});
  EXPECT_EQ(fresh.admit().denial().help, "") << "of a stop, its reason is all";
}

// Of the same ledger: the guard outlives the page, and what it saw there.
TEST(Guard, APageThatIsOlderThanWhatWasSeenIsNotBelieved) {
  World world;
  world.says.revision = 5;
  world.publish();
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "ok");
  world.replace();  // at the same revision: control
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "ok"; }));
  world.says.revision = 3;
  world.replace();
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "killed: fenced:revision_went_back"; }));
  EXPECT_EQ(ask(guard, kFind), "killed: fenced:revision_went_back");
  world.says.revision = 6;
  world.publish();
  EXPECT_EQ(ask(guard, kFind), "ok");
}

TEST(Guard, ADeletedStateDeniesWithinASecondOrTwo) {
  World world;
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "ok");
  std::filesystem::remove_all(world.state.path);
  EXPECT_TRUE(within([&] { return ask(guard, kFind) == "killed: fenced:page_missing"; }));
}

TEST(Guard, PagesThatAreNotOursAreNotBelieved) {
  auto change = [](World& world, std::size_t at, const std::string& bytes) {
    std::fstream file(world.state.page(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  };
  struct Row {
    const char* what;
    std::function<void(World&)> harm;
    const char* reason;
  } rows[] = {
      {"nothing", [](World&) {}, "ok"},
      {"boot id", [&](World& w) { change(w, offsetof(PageHead, boot_id), "00000000"); }, "killed: fenced:page_missing"},
      {"version", [&](World& w) { change(w, offsetof(PageHead, version), "\x09"); }, "killed: fenced:page_version"},
      {"magic", [&](World& w) { change(w, 0, "x"); }, "killed: fenced:page_torn"},
      {"word",
       [&](World& w) {
         w.stop(Mode::stop_all, {});
         w.resume_all();
         std::uint64_t back = w.publisher->word() - 1;
         change(w, offsetof(PageHead, word), std::string(reinterpret_cast<const char*>(&back), sizeof back));
       },
       "killed: fenced:page_torn"},
      {"mode", [](World& w) { chmod(w.state.page().c_str(), 0666); }, "killed: fenced:page_owner"},
      {"owner", [](World& w) { EXPECT_EQ(chown(w.state.page().c_str(), 12345, 12345), 0); }, "killed: fenced:page_owner"},
      {"length", [](World& w) { EXPECT_EQ(truncate(w.state.page().c_str(), 4096), 0); }, "killed: fenced:page_version"},
      {"sequence", [&](World& w) { change(w, half_at(w.publisher->word()), "another!"); }, "killed: fenced:page_torn"},
      {"half", [&](World& w) { change(w, half_at(w.publisher->word()) + kHalfHead + 64, "damage!!"); }, "killed: fenced:page_torn"},
  };
  for (const Row& row : rows) {
    if (std::string_view(row.what) == "owner" && geteuid() != 0) continue;
    World world;
    row.harm(world);
    Guard guard = open(world);
    EXPECT_EQ(ask(guard, kFind), row.reason) << row.what;
  }
}

// A page that stops everything is overwritten at random. Whoever attaches then denies, and nobody crashes.
TEST(Guard, TenThousandDamagedPagesAdmitNothing) {
  World world;
  world.stop(Mode::stop_all, {});
  std::string whole(kPageSize, '\0');
  std::ifstream(world.state.page(), std::ios::binary).read(whole.data(), static_cast<std::streamsize>(whole.size()));
  const std::size_t half = half_at(world.publisher->word());
  std::mt19937_64 dice(3);
  Fd page = open_file(world.state.page(), O_RDWR).value();
  for (int i = 0; i < 10'000; ++i) {
    std::size_t at = dice() % 2 ? dice() % 512 : half + dice() % 1024;
    std::string garbage(1 + dice() % 64, '\0');
    for (char& c : garbage) c = static_cast<char>(dice());
    ASSERT_TRUE(write_at(page.get(), garbage.data(), garbage.size(), at));
    if (auto attached = LivePage::open(world.state, Access::read)) {
      std::uint64_t word = attached->head().word.load();
      auto snapshot = attached->verify(word);
      if (snapshot && attached->head().latch.load() == 0) EXPECT_NE(core::decide(*snapshot, kFind, {}).why, Why::allowed) << i;
    }
    ASSERT_TRUE(write_at(page.get(), whole.data() + at, garbage.size(), at));
  }
}

TEST(Scan, FilesThatAreNoSlotsAreSilentPointsAndHangNobody) {
  World world;
  Guard guard = open(world);
  EXPECT_EQ(ask(guard, kFind), "ok");
  EXPECT_EQ(mkfifo((world.state.slots() + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(symlink("/etc/passwd", (world.state.slots() + "/link").c_str()), 0);
  std::ofstream(world.state.slots() + "/short") << "x";
  std::size_t silent = 0, sound = 0;
  for (const SeenPoint& point : scan(world.state)) (point.trouble.empty() ? sound : silent)++;
  EXPECT_EQ(silent, 3u);
  EXPECT_EQ(sound, 1u);
}

TEST(Spool, FillsFourMebibytesThenRefusesUntilDrained) {
  World world;
  Spool spool(world.state, "writer");
  const std::string record = "{\"x\":\"" + std::string(8000, 'y') + "\"}";
  std::size_t taken = 0;
  while (spool.append(record)) ++taken;
  EXPECT_GT(taken * record.size(), (kSegments - 1) * kSegmentSize);
  EXPECT_EQ(list_segments(world.state).size(), kSegments);
  for (const std::vector<std::size_t>& drained : std::vector<std::vector<std::size_t>>{{0}, {1}, {0, 5, 6}, {}, {3, 4}}) {
    const auto full = list_segments(world.state);
    for (std::size_t number : drained) std::filesystem::remove(full[number].path);
    std::size_t more = 0;
    while (spool.append(record)) ++more;
    EXPECT_EQ(more > 0, !drained.empty());
    EXPECT_EQ(list_segments(world.state).size(), kSegments);
  }
}

}  // namespace
}  // namespace notaus::page
