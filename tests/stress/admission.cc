// Who sees whom, at full speed: one process admits calls as fast as it can, another flips the page, lists the calls in flight and
// then declares the stop confirmed. A call whose effect begins after that and is not on the list is late. There must be none.
//
//   admission_stress order ADMISSIONS       stop and lift by turns; calls through a Handle, the fastest path there is
//   admission_stress edge-again ADMISSIONS  as order, but the publisher reads the slots from a mapping in the instant after its flip: a
//                                           claim that is seen 100 ns too late is late, and scan() is far too slow for that
//   admission_stress edge-first ADMISSIONS  the same; every call is the first of its Handle
//   admission_stress edge-call ADMISSIONS   the same, without a Handle
//   admission_stress tearing ADMISSIONS     every page published stops the tenant, each with other bytes: an admitted call means that
//                                           two pages were read as one
//   admission_stress slow ADMISSIONS        as tearing; each page lies there a while, whole but for its sequence, before it is shown
//
// Prints one line; exits 1 if a call was late, or if one was denied as torn though fewer than three flips went over its reading.
// tests/stress/mutants.py builds it without the order and without the second load, and expects exactly that.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <notaus/guard.hpp>

#include "page/scan.h"
#include "page/test_world.h"

namespace notaus::page {
namespace {

constexpr Call kCall{.tenant = "acme", .agent = "mailer", .run = "r", .tool = "email.send"};

// Between the two processes. `listed` are the generations the stop has found in each slot.
struct Shared {
  std::atomic<std::uint64_t> confirmed{0};  // 0: nothing is stopped
  std::atomic<std::uint64_t> listed[kSlots];
  std::atomic<bool> ended{false};
  std::atomic<std::uint64_t> flips{0}, admitted{0}, denied{0}, torn{0}, unfounded{0}, late{0};
};

Shared& shared_memory() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *new (memory) Shared;
}

// "process/slot.generation"
std::pair<std::uint32_t, std::uint64_t> slot_and_generation(const std::string& id) {
  std::size_t slash = id.rfind('/'), dot = id.rfind('.');
  return {static_cast<std::uint32_t>(std::stoul(id.substr(slash + 1))), std::stoull(id.substr(dot + 1))};
}

void admit_at_full_speed(const World& world, Shared& shared, const std::string& what, std::uint64_t admissions) {
  Guard guard = Guard::open({.state = world.state.path});
  Handle handle = guard.handle(kCall);
  const LivePage page = LivePage::open(world.state, Access::read).value();
  const bool at_the_edge = what.starts_with("edge");
  std::uint64_t admitted = 0, denied = 0, torn = 0, unfounded = 0;
  for (std::uint64_t i = 0; i < admissions; ++i) {
    const std::uint64_t before = page.head().word.load();
    Admission admission = what == "edge-call"    ? guard.admit(kCall)
                          : what == "edge-first" ? guard.handle(kCall).admit()
                                                 : handle.admit();
    if (!admission) {
      ++denied;
      if (admission.denial().why == Why::stop_all) continue;
      ++torn;  // rightly so only if each of three readings met a flip: a machine that stands still at the wrong moments does that
      unfounded += admission.denial().why != Why::page_torn || page.head().word.load() - before < 3;
      continue;
    }
    ++admitted;
    for (int j = 0; at_the_edge && j < 3'000 && shared.confirmed.load() == 0; ++j) {
    }  // or the flip's list is not made yet
    if (shared.confirmed.load() != 0) {  // the effect would begin here
      auto [slot, generation] = slot_and_generation(admission.permit().id());
      if (shared.confirmed.load() != 0 && shared.listed[slot].load() != generation) shared.late.fetch_add(1);
      if (shared.late.load() != 0) break;  // proven
    }
    admission.permit().done(Outcome::not_sent);
  }
  shared.admitted = admitted;
  shared.denied = denied;
  shared.torn = torn;
  shared.unfounded = unfounded;
  shared.ended = true;
}

void flip_until_ended(World& world, Shared& shared) {
  for (std::uint64_t stop = 1; !shared.ended; ++stop) {
    world.stop(core::Mode::stop_all, {.tenant = "acme"});
    for (const SeenPoint& point : scan(world.state, world.publisher->word()))
      for (const SeenCall& call : point.calls) shared.listed[call.slot] = generation_of(call.word);
    shared.confirmed = stop;
    for (int i = 0; i < 500; ++i) (void)shared.ended.load();  // the window in which a late call would show
    shared.confirmed = 0;
    world.resume_all();
    for (int i = 0; i < 100'000; ++i) (void)shared.ended.load();  // calls flow
    ++shared.flips;
  }
}

const SlotsFile& slots_of_the_guard(const World& world, const Shared& shared) {
  auto points = scan(world.state);
  while (!shared.ended && (points.empty() || points[0].process.empty() || points[0].page_id == 0)) points = scan(world.state);
  Fd fd = open_file(world.state.slots() + "/" + points.at(0).process, O_RDONLY).value();
  return *static_cast<const SlotsFile*>(mmap(nullptr, sizeof(SlotsFile), PROT_READ, MAP_SHARED, fd.get(), 0));
}

// Two halves that never change, one with the stop and one without; the word goes to and fro as Publisher::flip moves it.
void flip_at_the_edge(World& world, Shared& shared) {
  auto show = [&] {
    world.says = world.publisher->publish(world.lock(), world.says).value();
  };  // at one revision: nobody goes back
  world.says.stops = {{.id = "ours", .selector = {.tenant = "acme"}, .mode = core::Mode::stop_all}};
  show();
  world.says.stops.clear();
  show();
  LivePage page = LivePage::open(world.state, Access::write).value();
  std::uint64_t word = page.head().word.load();
  auto flip = [&] {
    ++word;
    reinterpret_cast<HalfHead*>(page.half(word))->sequence.store(word);
    page.head().word.exchange(word);
  };
  const SlotsFile& slots = slots_of_the_guard(world, shared);
  std::uint64_t seen[kSlots] = {};
  for (std::uint64_t stop = 1; !shared.ended; ++stop) {
    auto high = static_cast<std::uint32_t>(slots.head.high.load());
    for (std::uint32_t slot = 0; slot < high; ++slot) seen[slot] = slots.words[slot].load();  // near us, before it matters
    flip();
    high = static_cast<std::uint32_t>(slots.head.high.load());  // after the flip, as scan() does: a slot's first use may be now
    for (std::uint32_t slot = 0; slot < high; ++slot) seen[slot] = slots.words[slot].load();
    for (std::uint32_t slot = 0; slot < high; ++slot)
      if (state_of(seen[slot]) == SlotState::active) shared.listed[slot] = generation_of(seen[slot]);
    shared.confirmed = stop;
    for (int i = 0; i < 4'000; ++i) (void)shared.ended.load();
    shared.confirmed = 0;
    flip();
    for (int i = 0; i < 12'000; ++i) (void)shared.ended.load();
    ++shared.flips;
  }
}

// As Publisher::flip begins, and is then held up or killed.
void write_without_showing(World& world, core::State next) {
  LivePage page = LivePage::open(world.state, Access::write).value();
  std::byte* half = page.half(page.head().word.load() + 1);
  reinterpret_cast<HalfHead*>(half)->sequence.store(0);
  const auto image = core::flatten(next, kImageMax).value();
  for (std::size_t i = 0; i < image.size(); ++i) store(half + kHalfHead + i * sizeof image[i], image[i]);
  for (int i = 0; i < 50'000; ++i) (void)page.head().word.load();
}

void publish_until_ended(World& world, Shared& shared, bool slowly) {
  for (std::uint64_t round = 0; !shared.ended; ++round) {
    world.says.stops.clear();
    for (std::uint64_t other = 0; other < 20 + round % 7; ++other)
      world.says.stops.push_back({.id = std::to_string(round), .selector = {.tenant = "t" + std::to_string(other * 31 + round)}});
    core::Stop ours{.id = "ours", .selector = {.tenant = "acme"}, .mode = core::Mode::stop_all};
    world.says.stops.insert(world.says.stops.begin() + static_cast<std::ptrdiff_t>(round % world.says.stops.size()), ours);
    if (slowly) {
      core::State next = world.says;
      ++next.revision;
      write_without_showing(world, std::move(next));
    }
    world.publish();
    ++shared.flips;
  }
}

// The two race only while both run: on one core they would take turns, and a busy machine likes to put them there.
void stay_on(int which) {
  cpu_set_t allowed, mine;
  sched_getaffinity(0, sizeof allowed, &allowed);
  CPU_ZERO(&mine);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && which-- == 0) CPU_SET(cpu, &mine);
  if (CPU_COUNT(&mine) == 1) sched_setaffinity(0, sizeof mine, &mine);
}

int run(const std::string& what, std::uint64_t admissions) {
  World world;
  Shared& shared = shared_memory();
  const bool tearing = what == "tearing" || what == "slow";
  if (tearing) {
    world.stop(core::Mode::stop_all, {.tenant = "acme"});
    shared.confirmed = 1;
  }
  pid_t guard = fork();
  stay_on(guard == 0 ? 1 : 0);
  if (guard == 0) {
    admit_at_full_speed(world, shared, what, admissions);
    _exit(0);
  }
  if (tearing)
    publish_until_ended(world, shared, what == "slow");
  else
    what == "order" ? flip_until_ended(world, shared) : flip_at_the_edge(world, shared);
  int status = 0;
  waitpid(guard, &status, 0);
  std::printf("%s\n", fmt::format("{}: {} admitted, {} denied, {} of them torn ({} without cause), {} flips, {} late", what,
                                  shared.admitted.load(), shared.denied.load(), shared.torn.load(), shared.unfounded.load(),
                                  shared.flips.load(), shared.late.load())
                          .c_str());
  const bool both_seen = shared.denied > 0 && (tearing || shared.admitted > 0);  // else it proves nothing
  return shared.late == 0 && shared.unfounded == 0 && both_seen && status == 0 ? 0 : 1;
}

}  // namespace
}  // namespace notaus::page

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return notaus::page::run(argv[1], std::strtoull(argv[2], nullptr, 10));
}
