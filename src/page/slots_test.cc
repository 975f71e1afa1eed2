// Calls in flight: whose slot is whose, what a scan makes of it, and what a stop covers.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include <notaus/guard.hpp>

#include "base/boot.h"
#include "page/scan.h"
#include "page/slots.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

using core::Mode;

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

std::string tools_in_flight(const World& world) {
  std::string out;
  for (const SeenPoint& point : scan(world.state))
    for (const SeenCall& call : point.calls) out += (out.empty() ? "" : " ") + std::string(call.call().tool);
  return out;
}

TEST(Slots, ACallIsListedByItsOwnNamesWhoeverHadTheSlotBefore) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Handle send = guard.handle(kSend), find = guard.handle(kFind), list = guard.handle({.tenant = "acme", .tool = "crm.list"});
  auto use_every_slot = [&] {
    std::vector<Admission> all;
    for (std::uint32_t i = 0; i < kSlots; ++i) all.push_back(guard.admit({.tenant = "acme", .tool = "crm.list"}));
    return guard.admit({.tenant = "acme", .tool = "crm.drop"}).denial().why == Why::slots_full;
  };
  struct Row {
    const char* tool;
    std::function<Admission()> admit;
  } rows[] = {
      {"email.send", [&] { return send.admit(); }},
      {"email.send", [&] { return send.admit(); }},  // again, by the names that are there
      {"crm.find", [&] { return find.admit(); }},
      {"crm.list", [&] { return list.admit(); }},
      {"email.send", [&] { return send.admit(); }},
      {"crm.find", [&] { return find.admit(); }},
      {"crm.list", [&] { return list.admit(); }},
      {"email.send", [&] { return send.admit(); }},
      {"crm.list", [&] { return guard.admit({.tenant = "acme", .tool = "crm.list"}); }},
      {"email.send", [&] { return send.admit(); }},
      {"crm.find", [&] { return find.admit(); }},
      {"email.send",
       [&] {
         EXPECT_TRUE(use_every_slot());
         return send.admit();
       }},
  };
  for (const Row& row : rows) {
    Admission admission = row.admit();
    ASSERT_TRUE(admission);
    EXPECT_EQ(tools_in_flight(world), row.tool);
    admission.permit().done(Outcome::done);
    EXPECT_EQ(tools_in_flight(world), "");
  }
}

TEST(Slots, AClaimEndsItsOwnCallAndNoLaterOne) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Claim first = slots->claim(kSend, 1).value();
  EXPECT_TRUE(slots->finish(first, Outcome::done));
  EXPECT_FALSE(slots->finish(first, Outcome::done));
  slots->free(first);
  Claim second = slots->claim(kSend, 2).value();
  ASSERT_EQ(first.slot, second.slot);  // calls of one name come back to one place
  EXPECT_FALSE(slots->finish(first, Outcome::done));
  EXPECT_EQ(tools_in_flight(world), "email.send");
  EXPECT_TRUE(slots->finish(second, Outcome::done));
}

TEST(Slots, AHandlesCallsAreTwoWhileBothAreInFlight) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Handle send = guard.handle(kSend);
  send.admit().permit().done(Outcome::done);  // its names are in a slot now
  Admission first = send.admit(), second = send.admit();
  EXPECT_EQ(tools_in_flight(world), "email.send email.send");
  EXPECT_NE(first.permit().id(), second.permit().id());
}

// However a slot is claimed, no two of its calls are the same to a scanner or to a Permit.
TEST(Slots, EveryCallOfASlotHasAWordOfItsOwn) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Lane lane{.tenant = "acme", .agent = "", .run = "", .tool = "email.send", .effect = Effect::write, .tag = 1};
  std::set<std::pair<std::uint32_t, std::uint64_t>> seen;
  auto use = [&](std::optional<Claim> claim) {
    ASSERT_TRUE(claim);
    EXPECT_TRUE(seen.emplace(claim->slot, claim->word).second);
    EXPECT_EQ(state_of(claim->word), SlotState::active);
    EXPECT_TRUE(slots->finish(*claim, Outcome::done));
    slots->free(*claim);
  };
  for (int round = 0; round < 3; ++round) {
    use(slots->claim(lane, 1));  // writes its names
    use(slots->claim(lane, 1));  // finds them
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) use(slots->claim({.tenant = std::to_string(slot), .tool = "x"}, 1));
  }
}

TEST(Slots, AFileBeginsToCountAnywhere) {
  World world;
  std::set<std::uint64_t> first;
  for (int i = 0; i < 4; ++i) first.insert(Slots::create(world.state, {"test", "", ""}, 1).value()->claim(kSend, 1)->word);
  EXPECT_EQ(first.size(), 4u);
}

// Two threads that do the same thing at the same moment, as nearly as may be.
struct Meeting {
  std::atomic<std::size_t> here = 0;
  void operator()(std::size_t times) {
    ++here;
    for (int i = 1; here < 2 * times; ++i)
      if (i % 1000 == 0) std::this_thread::yield();
  }
};

TEST(Slots, NobodyIsAboveWhatAScanLooksAt) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Meeting meet;
  auto claims = [&](const char* tool) {
    for (std::size_t i = 0; i < 20'000; ++i) {
      slots->file().head.high = 0;
      meet(2 * i + 1);
      auto mine = slots->claim({.tool = tool}, 1);
      EXPECT_TRUE(mine && mine->slot < slots->file().head.high) << i;
      slots->free(*mine);
      meet(2 * i + 2);
    }
  };
  std::thread one(claims, "email.send"), other(claims, "crm.find");
  one.join();
  other.join();
}

TEST(Slots, AFactCarriesNothingOfTheOneBeforeInItsPlace) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Claim claim = slots->claim(kSend, 1).value();
  slots->entry(claim.slot).digest[0] = slots->entry(claim.slot).digest[1] = 7;
  ASSERT_TRUE(slots->push(claim, {Fact::blocked, Outcome::not_sent, Why::stop_all, "k3j2-acme-mail", 1, {}}));
  EXPECT_STREQ(slots->file().cells[0].stop, "k3j2-acme-mail");
  EXPECT_EQ(slots->file().cells[0].entry.digest[0], 7u);
  slots->free(claim);
  claim = slots->claim(kSend, 1).value();
  slots->file().head.head = slots->file().head.tail = kCells;
  slots->file().cells[0].dropped = 3;
  ASSERT_TRUE(slots->push(claim, {Fact::ended, Outcome::done, Why::allowed, {}, 1, {}}));
  const Cell& cell = slots->file().cells[0];
  EXPECT_EQ(cell.turn, kCells + 1u);
  EXPECT_EQ(cell.dropped, 0u);
  EXPECT_EQ(std::string(cell.stop, sizeof cell.stop), std::string(sizeof cell.stop, '\0'));
  EXPECT_EQ(cell.entry.digest[0] | cell.entry.digest[1], 0u) << "of a call without arguments";
}

// Somebody else claims and frees the slot all the time, between our look at it and our claim as well.
TEST(Slots, AClaimOfASlotThatHasMovedTakesAnother) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Lane lane{.tenant = "acme", .agent = "", .run = "", .tool = "email.send", .effect = Effect::write, .tag = 1};
  const Claim first = slots->claim(lane, 1).value();
  slots->free(first);
  std::atomic<bool> over = false;
  std::thread other([&] {
    Word& word = slots->file().words[first.slot];
    while (!over)
      if (std::uint64_t now = word; state_of(now) == SlotState::free)
        (void)word.compare_exchange_strong(now, slot_word(generation_of(now) + 1, SlotState::free));
  });
  for (int lost = 0; lost < 100;) {
    lane.hint[thread_number() % Lane::kHints] = first.slot;  // that we once took another is forgotten
    const Claim claim = slots->claim(lane, 1).value();
    const bool ours = slots->finish(claim, Outcome::done);
    EXPECT_TRUE(ours);
    slots->free(claim);
    if (!ours) break;
    lost += claim.slot != first.slot;
  }
  over = true;
  other.join();
}

TEST(Slots, TwoThreadsThatComeBackToOneSlotDoNotShareACall) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Lane lane{.tenant = "acme", .agent = "", .run = "", .tool = "email.send", .effect = Effect::write, .tag = 1};
  constexpr std::size_t kTimes = 20'000;
  Meeting meet;
  std::mutex mutex;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> seen;
  auto hammer = [&] {
    if (thread_number() % Lane::kHints != 0) return;  // of as many as there are hints, one thread; of twice as many, two
    std::vector<std::pair<std::uint32_t, std::uint64_t>> mine;
    for (std::size_t i = 1; i <= kTimes; ++i) {
      meet(i);
      auto claim = slots->claim(lane, 1);
      if (!claim) continue;
      mine.emplace_back(claim->slot, claim->word);
      (void)slots->finish(*claim, Outcome::done);
      slots->free(*claim);
    }
    std::scoped_lock hold(mutex);
    seen.insert(seen.end(), mine.begin(), mine.end());
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2 * Lane::kHints; ++i) threads.emplace_back(hammer);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 2 * kTimes);  // who loses the race takes another
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  EXPECT_TRUE(slots->idle());
}

TEST(Slots, TellWhoseTheyAreAndSinceWhen) {
  struct Row {
    const char* name;
    const char* file;
  } rows[] = {{"mailer", "mailer-"}, {"", "guard-"}, {"bin/mailer", "bin_mailer-"}};
  for (const Row& row : rows) {
    World world;
    const std::int64_t before = wall_now().ms;
    auto slots = Slots::create(world.state, {row.name, "acme", "bot"}, 77).value();
    SeenPoint point = scan(world.state).at(0);
    EXPECT_TRUE(point.process.starts_with(row.file + std::to_string(getpid()) + "-")) << point.process;
    EXPECT_EQ(point.process, slots->process());
    EXPECT_EQ(point.name, row.name);
    EXPECT_EQ(point.tenant, "acme");
    EXPECT_EQ(point.agent, "bot");
    EXPECT_EQ(point.pid, getpid());
    EXPECT_EQ(point.page_id, 77u);
    EXPECT_EQ(std::string_view(slots->file().head.boot_id), boot_id());
    EXPECT_GE(point.started_ms, before);
    EXPECT_TRUE(point.alive);
    EXPECT_FALSE(point.admission_only || point.sentinel);
  }
}

TEST(Slots, ACallIsListedWithWhatItIsAndSinceWhen) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  Lane lane{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send", .effect = Effect::write, .tag = 1};
  for (std::int64_t since : {5, 6}) {  // its names are new, and then they are there
    Claim claim = slots->claim(lane, since).value();
    Entry entry = scan(world.state).at(0).calls.at(0).entry;
    EXPECT_EQ(entry.since, since);
    EXPECT_EQ(get_name(entry.tenant), "acme");
    EXPECT_EQ(get_name(entry.agent), "mailer");
    EXPECT_EQ(get_name(entry.run), "run-7");
    EXPECT_EQ(entry.write, 1);
    (void)slots->finish(claim, Outcome::done);
    slots->free(claim);
  }
  for (auto& each : slots->file().entries) each.write = 1;  // as writes before it left them
  (void)slots->claim({.tenant = "acme", .run = "run-8", .tool = "crm.find", .effect = Effect::read}, 7).value();
  Entry entry = scan(world.state).at(0).calls.at(0).entry;
  EXPECT_EQ(entry.since, 7);
  EXPECT_EQ(get_name(entry.run), "run-8");
  EXPECT_EQ(entry.write, 0);
}

TEST(Slots, AreIdleWhenNothingIsInFlightAndAllIsTold) {
  World world;
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  SlotsFile& file = slots->file();
  EXPECT_TRUE(slots->idle());
  Claim claim = slots->claim(kSend, 1).value();
  struct Row {
    const char* what;
    std::function<void()> begin, end;
  } rows[] = {
      {"a call", [] {},
       [&] {
         (void)slots->finish(claim, Outcome::done);
         EXPECT_FALSE(slots->idle()) << "it is being recorded";
         slots->free(claim);
       }},
      {"a fact", [&] { (void)slots->push(claim, {}); }, [&] { file.head.tail = file.head.head.load(); }},
      {"a lost call", [&] { ++file.head.lost_calls; }, [&] { --file.head.lost_calls; }},
      {"a lost denial", [&] { ++file.head.lost_denials; }, [&] { --file.head.lost_denials; }},
      {"a count", [&] { file.tallies[3].used = file.tallies[3].more.counted = 1; }, [&] { file.tallies[3].more.counted = 0; }},
  };
  for (const Row& row : rows) {
    row.begin();
    EXPECT_FALSE(slots->idle()) << row.what;
    row.end();
    EXPECT_TRUE(slots->idle()) << row.what;
  }
}

TEST(Slots, LeaveWithTheirFileUnlessItIsTheParents) {
  World world;
  auto parents = Slots::create(world.state, {"parent", "", ""}, 1).value(),
       own = Slots::create(world.state, {"own", "", ""}, 1).value();
  EXPECT_TRUE(parents->in_place() && own->in_place());
  parents->close_in_child();
  parents->leave();
  own->leave();
  ASSERT_EQ(scan(world.state).size(), 1u);
  EXPECT_EQ(scan(world.state)[0].name, "parent");
  auto deleted = Slots::create(world.state, {"deleted", "", ""}, 1).value();
  std::filesystem::remove(world.state.slots() + "/" + deleted->process());
  EXPECT_FALSE(deleted->in_place());
}

TEST(Slots, AForkedChildNeitherEndsNorSendsItsParentsCalls) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission parents = guard.admit(kSend);
  ASSERT_TRUE(parents);
  EXPECT_FALSE(parents.permit().recheck());  // control: in its own process it may go
  pid_t child = fork();
  if (child == 0) _exit(parents.permit().recheck() ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(tools_in_flight(world), "email.send");
}

TEST(Slots, ARecheckThatDeniesEndsTheCall) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission send = guard.admit(kSend), find = guard.admit(kFind);
  EXPECT_FALSE(send.permit().recheck());
  world.publisher->latch();
  EXPECT_EQ(send.permit().recheck()->reason, "killed: stop_all");
  EXPECT_EQ(tools_in_flight(world), "crm.find");
  EXPECT_TRUE(world.publisher->unlatch(world.lock(), world.publisher->latch_word()));
  EXPECT_FALSE(find.permit().recheck());
}

TEST(Slots, APermitThatIsOverSaysSo) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Admission ended = guard.admit(kSend), denied = guard.admit(kSend);
  EXPECT_NE(ended.permit().id(), "");
  EXPECT_TRUE(ended.permit().stop_token().stop_possible());
  ended.permit().done(Outcome::done);
  world.stop(Mode::stop_all, {});
  EXPECT_EQ(denied.permit().recheck()->reason, "killed: stop_all");
  world.resume_all();  // lifts nothing that is over
  for (Permit* over : {&ended.permit(), &denied.permit()}) {
    EXPECT_EQ(over->recheck().value().reason, "killed: fenced:guard_fault");
    EXPECT_EQ(over->id(), "");
    EXPECT_FALSE(over->cancellation());
    EXPECT_FALSE(over->stop_token().stop_possible());
    EXPECT_FALSE(*over);
    over->done(Outcome::done);
  }
  EXPECT_EQ(tools_in_flight(world), "");
}

TEST(Slots, ARecheckOfANameTooLongToRememberDeniesOnceThePageHasMoved) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  const std::string longer = "email." + std::string(200, 'x');
  Call call{.tenant = "acme", .tool = longer};
  Admission cut = guard.admit(call), whole = guard.admit(kSend);
  ASSERT_TRUE(cut);
  EXPECT_FALSE(cut.permit().recheck());  // nothing has moved
  world.publish();
  EXPECT_FALSE(whole.permit().recheck());
  EXPECT_EQ(cut.permit().recheck()->reason.substr(0, 26), "killed: fenced:guard_fault");
}

}  // namespace
}  // namespace notaus::page
