// From the moment a stop is published on the live page to the first denial in another process: one that asks without a pause, and one
// that sleeps until its watcher wakes it (what `notaus mcp` and on_change do), alone and among up to 2,000 others.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <random>
#include <thread>

#include <notaus/guard.hpp>

#include "bench/measure.h"
#include "bench/points.h"
#include "bench/state.h"

namespace notaus::bench {
namespace {

constexpr Call kCall{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};

// Between the two processes. Counters grow by one a flip; `denied_at` belongs to the newest denial.
struct Shared {
  std::atomic<int> ready{0}, armed{0}, admitted{0}, denied{0};
  std::atomic<std::int64_t> denied_at{0};
  std::atomic<bool> wrong{false};  // denied, but not by the stop
};

Shared& shared_memory() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "no shared memory");
  return *new (memory) Shared;
}

void wait_until(const std::atomic<int>& count, int wanted) {
  for (const std::int64_t start = now_ns(); count < wanted; std::this_thread::sleep_for(std::chrono::microseconds(20)))
    check(now_ns() - start < 5'000'000'000, "the other process does not answer");
}

// Asks once: has the stop arrived?
bool denied(Handle& handle, Shared& shared) {
  Admission admission = handle.admit();
  if (admission) {
    admission.permit().done(Outcome::done);
    return false;
  }
  shared.denied_at = now_ns();
  if (admission.denial().why != Why::stop_all) shared.wrong = true;
  return true;
}

void spin(const page::StateDir& at, Shared& shared) {
  Guard guard = Guard::open({.state = at.path});
  Handle handle = guard.handle(kCall);
  shared.ready = 1;
  for (int flip = 1;; ++flip) {
    while (shared.armed < flip) std::this_thread::yield();
    while (denied(handle, shared)) {
    }
    shared.admitted = flip;
    while (!denied(handle, shared)) {
    }
    shared.denied = flip;
  }
}

void sleep_and_be_woken(const page::StateDir& at, Shared& shared) {
  std::atomic<Handle*> handle{nullptr};
  auto asks = [&] {
    if (handle == nullptr) return;
    if (denied(*handle.load(), shared))
      shared.denied = shared.armed.load();
    else
      shared.admitted = shared.armed.load();
  };
  Guard guard = Guard::open({.state = at.path, .on_change = asks});
  Handle asked = guard.handle(kCall);
  handle = &asked;
  shared.ready = 1;
  while (true) pause();
}

class Child {
 public:
  template <class Body>
  explicit Child(Body&& body) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

core::Stop stop_everything() {
  core::Stop stop;
  stop.id = new_id();
  stop.mode = core::Mode::stop_all;
  return stop;
}

void resume(const page::StateDir& at, page::Publisher& publisher, core::State& free) {
  auto lock = or_die(page::PageLock::take(at, std::chrono::seconds(1)));
  ++free.revision;
  or_die(publisher.publish(lock, free));
  publisher.wake();
}

// Right before the page is written to the first "no", in microseconds.
double time_one(const page::StateDir& at, page::Publisher& publisher, Shared& shared, int flip) {
  auto lock = or_die(page::PageLock::take(at, std::chrono::seconds(1)));
  const core::Stop stop = stop_everything();
  const std::int64_t start = now_ns();
  or_die(publisher.add_local(lock, stop));
  publisher.wake();
  wait_until(shared.denied, flip);
  check(!shared.wrong, "denied by something else than the stop");
  check(shared.denied_at > start, "denied before the stop");
  return static_cast<double>(shared.denied_at - start) / 1e3;
}

using Body = void (*)(const page::StateDir&, Shared&);

void measure(const std::string& name, Body body, int flips, int others = 0) {
  Scratch scratch;
  page::StateDir at{scratch.path + "/state"};
  core::State free = state_with(10);
  page::Publisher publisher = publish(at, free);
  Shared& shared = shared_memory();
  Child child([&] { body(at, shared); });
  wait_until(shared.ready, 1);
  Points bystanders(at.path, others, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the watcher calls on_change only for flips after its first look
  std::minstd_rand dice(7);
  Samples us;
  for (int flip = 1; flip <= flips; ++flip) {
    shared.armed = flip;
    resume(at, publisher, free);
    wait_until(shared.admitted, flip);
    // No flip in step with the other's rounds; and a sleeper is asleep again.
    std::this_thread::sleep_for(std::chrono::microseconds(300 + dice() % 300 + 50 * static_cast<unsigned>(others)));
    us.add(time_one(at, publisher, shared, flip));
  }
  print_row(name, "us", us);
}

}  // namespace
}  // namespace notaus::bench

int main(int count, char** words) {
  using namespace notaus::bench;
  const int flips = is_quick(count, words) ? 100 : 4000;
  measure("flip to denial, asking", spin, flips);
  measure("flip to denial, asleep", sleep_and_be_woken, flips);
  // They are all woken, and some before the one that is timed.
  for (const int points : {20, 100, 500, 2000})
    measure(fmt::format("flip to denial, asleep, {} points", points), sleep_and_be_woken, flips / 10, points);
}
