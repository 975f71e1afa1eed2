// One machine's loop: what a page must show, how a state is made, rebuilt and recovered, and that facts reach the log exactly once.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "host/reconcile.h"
#include "host/test_world.h"

namespace notaus::host {
namespace {

using core::Mode;
using core::State;
using core::Stop;

// --- reconcile() ---------------------------------------------------------------------------------------------------------------

struct Reconciled {
  const char* what;
  std::string known_epoch, read_epoch;
  std::uint64_t known_revision, read_revision;
  std::set<std::string> known_stops, read_stops, accounted;
  // what comes of it
  Why fence;
  std::string epoch;
  std::uint64_t revision;
  std::set<std::string> stops, local;
};

State state_of(const std::string& epoch, std::uint64_t revision, const std::set<std::string>& stops) {
  State out;
  out.epoch = epoch;
  out.revision = revision;
  for (const std::string& id : stops) out.stops.push_back({.id = id, .selector = {.tenant = id}, .mode = Mode::stop_all});
  return out;
}

ledger::Revisions told(const std::set<std::string>& ids) {
  ledger::Revisions out;
  for (const std::string& id : ids) out[id] = 1;
  return out;
}

TEST(Reconcile, Table) {
  const Reconciled rows[] = {
      // what                        epochs     revisions  known       read        accounted   fence                     -> shown
      {"in accord", "e", "e", 3, 3, {"a"}, {"a"}, {"a"}, Why::allowed, "e", 3, {"a"}, {}},
      {"behind: a stop", "e", "e", 3, 4, {"a"}, {"a", "b"}, {"a"}, Why::allowed, "e", 4, {"a", "b"}, {}},
      {"behind: a resume", "e", "e", 3, 4, {"a"}, {}, {"a"}, Why::allowed, "e", 4, {}, {}},
      {"a local stop stays", "e", "e", 3, 4, {"l"}, {"a"}, {}, Why::allowed, "e", 4, {"a", "l"}, {"l"}},
      {"until it is accounted", "e", "e", 3, 4, {"l"}, {"a"}, {"l"}, Why::allowed, "e", 4, {"a"}, {}},
      {"or is the ledger's", "e", "e", 3, 4, {"l"}, {"l"}, {"l"}, Why::allowed, "e", 4, {"l"}, {}},
      {"ahead: the ledger was set back", "e", "e", 4, 3, {"a", "b"}, {"a"}, {"a"}, Why::revision_went_back, "e", 4, {"a", "b"}, {}},
      {"ahead: what only it knows", "e", "e", 4, 3, {"a"}, {"c"}, {"a"}, Why::revision_went_back, "e", 4, {"a", "c"}, {"c"}},
      {"ahead: lifts nothing", "e", "e", 4, 3, {"a"}, {}, {"a"}, Why::revision_went_back, "e", 4, {"a"}, {}},
      {"another ledger, older", "e", "f", 4, 3, {"a"}, {"c"}, {}, Why::epoch_changed, "e", 4, {"a", "c"}, {"c"}},
      {"another ledger, newer", "e", "f", 4, 9, {"a"}, {}, {"a"}, Why::epoch_changed, "e", 4, {"a"}, {}},
      {"the first ever", "", "e", 0, 7, {}, {"a"}, {}, Why::allowed, "e", 7, {"a"}, {}},
  };
  for (const Reconciled& row : rows) {
    for (auto on_fence : {core::OnFence::disable_writes, core::OnFence::stop_all}) {
      State known = state_of(row.known_epoch, row.known_revision, row.known_stops);
      known.on_fence = on_fence;
      State shown = reconcile(known, state_of(row.read_epoch, row.read_revision, row.read_stops), told(row.accounted));
      std::set<std::string> stops, local;
      for (const Stop& stop : shown.stops) {
        stops.insert(stop.id);
        if (stop.local) local.insert(stop.id);
      }
      EXPECT_EQ(shown.fence, row.fence) << row.what;
      EXPECT_EQ(shown.epoch, row.epoch) << row.what;
      EXPECT_EQ(shown.revision, row.revision) << row.what;
      EXPECT_EQ(stops, row.stops) << row.what;
      EXPECT_EQ(local, row.local) << row.what;
      EXPECT_EQ(shown.on_fence, on_fence) << row.what;
    }
  }
}

// The ledger knows a stop's grace; when it is over only this host knows.
TEST(Reconcile, ADeadlineGoesOnCounting) {
  using std::chrono_literals::operator""s;
  struct Row {
    const char* what;
    std::vector<Stop> known;
    std::optional<std::chrono::milliseconds> grace;
    std::int64_t expected;
  } rows[] = {
      {"new to this host", {}, 2s, 0},
      {"counting", {{.id = "s", .grace = 2s, .cancel_at = {70}}}, 2s, 70},
      {"repeated with --cancel", {{.id = "s"}, {.id = "s~1", .grace = 1s, .cancel_at = {50}, .local = true}}, 1s, 50},
      {"repeated with a longer grace",
       {{.id = "s", .grace = 1s, .cancel_at = {50}}, {.id = "s~1", .grace = 9s, .cancel_at = {90}}},
       1s,
       50},
      {"another's", {{.id = "sx", .grace = 1s, .cancel_at = {50}}}, 2s, 0},
      {"not to be ended", {{.id = "s", .cancel_at = {50}}}, {}, 0},
  };
  for (const Row& row : rows) {
    State known, read;
    known.epoch = read.epoch = std::string(32, 'e');
    known.stops = row.known;
    read.revision = 1;
    read.stops = {{.id = "s", .grace = row.grace}};
    const State next = reconcile(known, read, told({"s", "s~1", "sx"}));
    ASSERT_EQ(next.stops.size(), 1u) << row.what;
    EXPECT_EQ(next.stops[0].cancel_at.ns, row.expected) << row.what;
  }
}

// The ledger has recorded it, and it stands all the same.
TEST(Reconcile, AStopOfThisHostAloneStands) {
  State known, read;
  known.epoch = read.epoch = std::string(32, 'e');
  read.revision = 1;
  known.stops = {{.id = "here", .local = true, .host_only = true}, {.id = "lifted"}};
  const State next = reconcile(known, read, told({"here", "lifted"}));
  ASSERT_EQ(next.stops.size(), 1u);
  EXPECT_EQ(next.stops[0], known.stops[0]);
}

// The ledger is read, told of the stop, and asked what it was told of: in this order, a stop is not there and yet was never lifted.
TEST(Reconcile, AStopThatTheLedgerWasToldOfAfterItWasReadStays) {
  State known = state_of("e", 3, {"l"}), read = state_of("e", 5, {});
  for (auto [told, stands] : {std::pair(5u, false), {6u, true}})
    EXPECT_EQ(reconcile(known, read, {{"l", told}}).stops.size(), stands ? 1u : 0u) << told;
}

TEST(Reconcile, TheRightLedgerLiftsTheFence) {
  State known = state_of("e", 4, {"a"}), read = state_of("e", 4, {"a"});
  known.fence = Why::revision_went_back;
  EXPECT_EQ(reconcile(known, read, told({"a"})).fence, Why::allowed);
  read.revision = 3;
  EXPECT_EQ(reconcile(known, read, told({"a"})).fence, Why::revision_went_back);
}

// --- create() ------------------------------------------------------------------------------------------------------------------

TEST(Create, TwiceIsOnce) {
  World world;
  Stop stop = world.stop("acme");
  auto again = create(world.site);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->fresh);
  EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  EXPECT_EQ(answer(world, of("globex")), "");
}

TEST(Create, EightAtOnceMakeOneState) {
  for (int round = 0; round < 5; ++round) {
    Site site{{(fs::temp_directory_path() / ("notaus-host-" + new_id())).string()}, "here"};
    std::atomic<int> fresh{0}, made{0};
    auto make = [&] {
      auto created = create(site);
      if (!created) std::fprintf(stderr, "%s\n", created.error().what.c_str());
      made += created.has_value();
      fresh += created && created->fresh;
      return created.has_value();
    };
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i)
      if (pid_t child = fork(); child == 0)
        _exit(make() ? 0 : 1);
      else
        children.push_back(child);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(make);
    for (auto& thread : threads) thread.join();
    int status = 0;
    for (pid_t child : children) {
      waitpid(child, &status, 0);
      EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(made, 4);
    EXPECT_LE(fresh, 1);
    auto view = sync(site, kPatience);
    ASSERT_TRUE(view);
    EXPECT_TRUE(view->book);
    EXPECT_EQ(view->state.fence, Why::allowed);
    EXPECT_EQ(page::read_durable(site.state)->state.epoch, view->state.epoch);
    fs::remove_all(site.state.path);
  }
}

TEST(Create, RefusesOtherPeoplesDirectories) {
  struct Row {
    const char* file;
    bool refused;
  } rows[] = {{"thesis.tex", true}, {"home", true}, {"STOP", false}, {"notaus.yaml", false}, {".hidden", false}};
  for (const Row& row : rows) {
    Site site{{(fs::temp_directory_path() / ("notaus-host-" + new_id())).string()}, "here"};
    fs::create_directories(site.state.path);
    std::ofstream(site.state.file(row.file)) << "x";
    auto made = create(site);
    EXPECT_EQ(!made, row.refused) << row.file;
    if (!made) EXPECT_EQ(made.error().kind, Kind::refused) << row.file;
    if (row.refused) EXPECT_EQ(std::distance(fs::directory_iterator(site.state.path), {}), 1) << row.file;
    fs::remove_all(site.state.path);
  }
}

// --- rebuilding ----------------------------------------------------------------------------------------------------------------

TEST(Rebuild, AfterABoot) {
  enum Ledger { whole, gone, garbage };
  enum Durable { sound, newer_damaged, both_damaged, no_file };
  struct Row {
    const char* what;
    Ledger ledger;
    Durable durable;
    const char* acme;  // was stopped
    const char* globex;  // was not
  } rows[] = {
      {"nothing is lost", whole, sound, "killed: stop_all", ""},
      {"the durable file is older", whole, newer_damaged, "killed: stop_all", ""},
      {"the ledger alone", whole, both_damaged, "killed: stop_all", ""},
      {"the ledger alone, no file", whole, no_file, "killed: stop_all", ""},
      {"no ledger", gone, sound, "killed: stop_all", "killed: fenced:page_missing"},
      {"no ledger, older half", gone, newer_damaged, "killed: fenced:page_missing", "killed: fenced:page_missing"},
      {"nothing", gone, both_damaged, "killed: fenced:page_missing", "killed: fenced:page_missing"},
      {"nothing at all", gone, no_file, "killed: fenced:page_missing", "killed: fenced:page_missing"},
      {"a ledger of garbage", garbage, sound, "killed: stop_all", "killed: fenced:page_missing"},
  };
  for (const Row& row : rows) {
    World world;
    world.stop("acme");  // into half 1; half 0 has what create() wrote
    EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
    world.lose_page();
    if (row.ledger != whole) world.lose_ledger();
    if (row.ledger == garbage) std::ofstream(world.site.state.ledger()) << std::string(8192, 'x');
    if (row.durable == newer_damaged || row.durable == both_damaged) world.damage_half(1);
    if (row.durable == both_damaged) world.damage_half(0);
    if (row.durable == no_file) fs::remove(world.site.state.durable());
    auto view = sync(world.site, kPatience);
    ASSERT_TRUE(view) << row.what;
    EXPECT_TRUE(view->rebuilt) << row.what;
    EXPECT_EQ(view->book != nullptr, row.ledger == whole) << row.what;
    EXPECT_EQ(answer(world, of("acme")), row.acme) << row.what;
    EXPECT_EQ(answer(world, of("globex")), row.globex) << row.what;
    EXPECT_EQ(view->warning.empty(), row.ledger == whole) << row.what << view->warning;
  }
}

TEST(Rebuild, ALocalStopComesThroughABootWithoutALedger) {
  World world;
  world.copy_ledger(world.aside());
  world.lose_ledger();
  Stop stop = world.stop_here("acme");
  world.lose_page();
  ASSERT_TRUE(sync(world.site, kPatience));
  EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  world.put_ledger(world.aside());
  auto view = sync(world.site, kPatience);
  ASSERT_TRUE(view->book) << view->warning;
  EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  EXPECT_EQ(answer(world, of("globex")), "");
  auto stops = open_ledger(world.site, kPatience).value()->read()->stops;
  ASSERT_EQ(stops.size(), 1u);  // and the ledger has it now
  EXPECT_EQ(stops[0].id, stop.id);
}

// kill -9 of whoever was replacing a page, after it had retired the old one.
TEST(Rebuild, ARetiredPageThatNothingFollowed) {
  World world;
  world.stop("acme");
  EXPECT_EQ(answer(world, of("globex")), "");
  page::LivePage::open(world.site.state, page::Access::write)->head().latch.fetch_or(page::kRetired);
  EXPECT_TRUE(sync(world.site, kPatience)->rebuilt);
  EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  EXPECT_EQ(answer(world, of("globex")), "");
}

TEST(Sync, ALocalStopIsStoredOnceByWhoeverFindsIt) {
  World world;
  Stop stop = world.stop_here("acme");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(sync(world.site, kPatience)); });
  for (auto& thread : threads) thread.join();
  auto book = open_ledger(world.site, kPatience).value();
  EXPECT_EQ(book->actions(0)->size(), 1u);
  auto shown = page::Publisher::open(world.site.state)->current().value();
  ASSERT_EQ(shown.stops.size(), 1u);
  EXPECT_EQ(shown.stops[0].id, stop.id);
  EXPECT_FALSE(shown.stops[0].local);
  world.lift(stop);
  EXPECT_EQ(answer(world, of("acme")), "");  // and lifted it stays
}

// A command that read the ledger before a stop, and gets the page's lock after the stop was stored and before its command published it.
TEST(Sync, AStopStoredSinceTheLedgerWasReadStaysOnThePage) {
  World world;
  auto page = page::Publisher::open(world.site.state).value();
  auto book = open_ledger(world.site, kPatience).value();
  core::State read = book->read().value();
  Stop stop = world.stop_here("acme");
  ASSERT_TRUE(store_local(world.site, *book, stop));
  ASSERT_TRUE(publish(world.site, page, *book, read, kPatience));
  EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  world.lift(stop);
  EXPECT_EQ(answer(world, of("acme")), "");
}

// --- ledgers that are not the right one ----------------------------------------------------------------------------------------

TEST(Sync, TheSentinelIsOneRecordOfThisHostInTheLogOfTheLedger) {
  World world;
  std::ofstream(world.site.state.sentinel()) << "";
  for (int look = 0; look < 2; ++look) {
    const State shown = sync(world.site, kPatience)->state;
    ASSERT_EQ(shown.stops.size(), 1u);
    EXPECT_TRUE(shown.stops[0].host_only);
    EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  }
  auto book = open_ledger(world.site, kPatience).value();
  EXPECT_TRUE(book->read()->stops.empty());
  ASSERT_EQ(book->actions(0)->size(), 1u);
  EXPECT_EQ(book->actions(0)->at(0).action.host, "here");
  fs::remove(world.site.state.sentinel());
  world.lose_page();
  EXPECT_EQ(sync(world.site, kPatience)->state.stops.size(), 1u) << "a boot later, too";
}

TEST(Ledgers, AnOlderCopyDeniesEverythingUntilRecovered) {
  for (bool rebooted : {false, true}) {
    World world;
    Stop first = world.stop("acme");
    world.copy_ledger(world.aside());
    Stop second = world.stop("globex");
    world.put_ledger(world.aside());
    if (rebooted) world.lose_page();
    auto view = sync(world.site, kPatience);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->state.fence, Why::revision_went_back);
    EXPECT_TRUE(view->warning.contains("--recover")) << view->warning;
    EXPECT_EQ(answer(world, of("initech")), "killed: fenced:revision_went_back");
    auto kept = recover(world.site, "ana");
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->stops.size(), 2u);
    EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
    EXPECT_EQ(answer(world, of("globex")), "killed: stop_all");
    EXPECT_EQ(answer(world, of("initech")), "");
    auto after = sync(world.site, kPatience);
    EXPECT_EQ(after->state.fence, Why::allowed);
    EXPECT_EQ(after->warning, "");
  }
}

// The half that had the newest stop is damaged, and the ledger is older than what is left: nobody confirms what is left.
TEST(Ledgers, AnOlderCopyIsNoWitnessForTheOlderHalf) {
  World world;
  world.copy_ledger(world.aside());
  world.stop("acme");  // half 1
  world.stop("globex");  // half 0, the newest
  world.put_ledger(world.aside());
  world.damage_half(0);
  world.lose_page();
  auto view = sync(world.site, kPatience);
  ASSERT_TRUE(view);
  EXPECT_NE(answer(world, of("acme")), "");
  EXPECT_NE(answer(world, of("globex")), "");
  EXPECT_NE(answer(world, of("initech")), "");
}

TEST(Ledgers, AnothersDeniesEverythingAndTheRightOneLiftsIt) {
  for (bool rebooted : {false, true}) {
    World world, other;
    world.stop("acme");
    other.stop("initech");
    world.copy_ledger(world.aside());
    other.copy_ledger(other.aside());
    world.put_ledger(other.aside());
    if (rebooted) world.lose_page();
    auto view = sync(world.site, kPatience);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->state.fence, Why::epoch_changed);
    EXPECT_EQ(answer(world, of("globex")), "killed: fenced:epoch_changed");
    world.put_ledger(world.aside());
    EXPECT_EQ(sync(world.site, kPatience)->state.fence, Why::allowed);
    EXPECT_EQ(answer(world, of("globex")), "");
    EXPECT_EQ(answer(world, of("acme")), "killed: stop_all");
  }
}

TEST(Ledgers, RecoverKeepsEveryStopAndTheCatalogue) {
  World world;
  core::Action approve;
  approve.act = core::Act::approve;
  approve.effects = {{"crm.find", Effect::read}};
  world.append(approve);
  world.stop("acme", Mode::disable_writes);
  Stop local = world.stop_here("globex");
  world.lose_ledger();
  auto kept = recover(world.site, "ana");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->stops.size(), 2u);
  EXPECT_EQ(kept->catalogue, approve.effects);
  EXPECT_EQ(answer(world, of("globex")), "killed: stop_all");
  EXPECT_EQ(answer(world, {.tenant = "acme", .tool = "crm.find"}), "");
  EXPECT_EQ(answer(world, {.tenant = "acme", .tool = "crm.write"}), "killed: writes_disabled:crm.write");
}

// The same accident to the whole loop: a host that boots with a damaged durable file, with its ledger or without, lets no stopped call
// through.
TEST(Rebuild, ADamagedDurableFileLoosensNothing) {
  World world;
  world.stop("globex");
  world.stop("acme");
  Fd file = open_file(world.site.state.durable(), O_RDWR).value();
  std::string whole(2 * page::kHalfSize, '\0');
  ASSERT_TRUE(read_at(file.get(), whole.data(), whole.size(), 0));
  world.copy_ledger(world.aside());
  std::mt19937_64 dice(7);
  for (int i = 0; i < 300; ++i) {
    const bool with_ledger = i % 2 == 0;
    with_ledger ? world.put_ledger(world.aside()) : world.lose_ledger();
    std::string bytes(1 + dice() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(dice());
    for (std::size_t half : {std::size_t{0}, page::kHalfSize})
      if (dice() % 3 != 0) ASSERT_TRUE(write_at(file.get(), bytes.data(), bytes.size(), half + dice() % 1024));
    world.lose_page();
    ASSERT_TRUE(sync(world.site, kPatience));
    ASSERT_NE(answer(world, of("acme")), "") << i;
    ASSERT_NE(answer(world, of("globex")), "") << i;
    if (with_ledger) ASSERT_EQ(answer(world, of("initech")), "") << i;  // control: its ledger says that nothing stops it
    ASSERT_TRUE(write_at(file.get(), whole.data(), whole.size(), 0));
  }
}

}  // namespace
}  // namespace notaus::host
