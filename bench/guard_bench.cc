// What asking costs: the guard, beside what else could answer the same question: a prepared SELECT in a local SQLite file, a GET from a
// Redis on this machine. All in one process and one run, since absolute figures drift and ratios do not.
#include <benchmark/benchmark.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <notaus/guard.hpp>

#include "bench/state.h"
#include "core/snapshot.h"

namespace notaus::bench {
namespace {

constexpr Call kRead{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "crm.find"};
constexpr Call kWrite{.tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send", .effect = Effect::write};
constexpr int kStops = 10;

Scratch& scratch() {
  static Scratch one;
  return one;
}

Guard& guard() {
  static page::StateDir at{scratch().path + "/state"};
  static page::Publisher publisher = publish(at, state_with(kStops));
  static Guard one = Guard::open({.state = at.path});
  return one;
}

bool admitted(Admission admission) {
  bool yes = static_cast<bool>(admission);
  if (yes) admission.permit().done(Outcome::done);
  return yes;
}

void must_be_admitted(benchmark::State& state, bool yes) {
  if (!yes) state.SkipWithError("denied: this measures nothing");
}

void handle_admit_done(benchmark::State& state, const Call& call) {
  Handle handle = guard().handle(call);
  must_be_admitted(state, admitted(handle.admit()));
  for (auto _ : state) benchmark::DoNotOptimize(admitted(handle.admit()));
}
BENCHMARK_CAPTURE(handle_admit_done, read, kRead);
BENCHMARK_CAPTURE(handle_admit_done, write, kWrite);

void guard_admit_done(benchmark::State& state, const Call& call) {
  must_be_admitted(state, admitted(guard().admit(call)));
  for (auto _ : state) benchmark::DoNotOptimize(admitted(guard().admit(call)));
}
BENCHMARK_CAPTURE(guard_admit_done, read, kRead);
BENCHMARK_CAPTURE(guard_admit_done, write, kWrite);

void guard_admit_recheck_done(benchmark::State& state) {
  for (auto _ : state) {
    Admission admission = guard().admit(kRead);
    if (!admission || admission.permit().recheck()) return state.SkipWithError("denied: this measures nothing");
    admission.permit().done(Outcome::done);
  }
}
BENCHMARK(guard_admit_recheck_done);

// What a slot costs by itself: it is claimed by a compare-and-swap, ended by an exchange that a scan after a flip must not miss, and freed.
void slot_words(benchmark::State& state) {
  std::atomic<std::uint64_t> word = 0;
  for (auto _ : state) {
    std::uint64_t free = word.load(std::memory_order_acquire);
    if (!word.compare_exchange_strong(free, free + 1)) return state.SkipWithError("nobody else is there");
    word.exchange(free + 2);
    word.store(free + 3, std::memory_order_release);
  }
}
BENCHMARK(slot_words);

void fresh_decide(benchmark::State& state) {
  auto image = or_die(core::flatten(state_with(static_cast<int>(state.range())), 64 << 20));
  core::Snapshot snapshot = core::Snapshot::trust(core::bytes_of(image));
  if (core::decide(snapshot, kWrite, {}).why != Why::allowed) return state.SkipWithError("denied: this measures nothing");
  for (auto _ : state) benchmark::DoNotOptimize(core::decide(snapshot, kWrite, {}));
}
BENCHMARK(fresh_decide)->Arg(0)->RangeMultiplier(10)->Range(1, 10'000);

void clock_read(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(boot_now());
}
BENCHMARK(clock_read);

// "Is anything stopped for this tenant, agent or tool?" as an application that keeps its kill switch in SQLite would ask it.
void sqlite_select(benchmark::State& state) {
  sqlite3* db = nullptr;
  sqlite3_open((scratch().path + "/flags.db").c_str(), &db);
  sqlite3_exec(db,
               "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "CREATE TABLE IF NOT EXISTS flags(name TEXT PRIMARY KEY, mode TEXT) WITHOUT ROWID;",
               nullptr, nullptr, nullptr);
  for (int i = 0; i < kStops; ++i)
    sqlite3_exec(db, ("INSERT OR IGNORE INTO flags VALUES('tenant-" + std::to_string(i) + "', 'disable_writes')").c_str(), nullptr,
                 nullptr, nullptr);
  sqlite3_stmt* ask = nullptr;
  sqlite3_prepare_v2(db, "SELECT mode FROM flags WHERE name IN ('global', ?, ?)", -1, &ask, nullptr);
  if (ask == nullptr) return state.SkipWithError(sqlite3_errmsg(db));
  for (auto _ : state) {
    sqlite3_bind_text(ask, 1, "acme", 4, SQLITE_STATIC);
    sqlite3_bind_text(ask, 2, "email.send", 10, SQLITE_STATIC);
    if (sqlite3_step(ask) != SQLITE_DONE) return state.SkipWithError("found a flag, or failed");
    sqlite3_reset(ask);
  }
  sqlite3_finalize(ask);
  sqlite3_close(db);
}
BENCHMARK(sqlite_select);

// A server of our own: nobody's Redis is touched.
class RedisServer {
 public:
  RedisServer() : socket_(scratch().path + "/redis") {
    const char* arguments[] = {"redis-server", "--port", "0",         "--unixsocket", socket_.c_str(), "--save", "",
                               "--appendonly", "no",     "--logfile", "/dev/null",    nullptr};
    if (posix_spawnp(&pid_, "redis-server", nullptr, nullptr, const_cast<char**>(arguments), environ) != 0) pid_ = 0;
    for (int i = 0; i < 500 && pid_ != 0 && access(socket_.c_str(), R_OK) != 0; ++i) usleep(10'000);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() {
    if (pid_ == 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  pid_t pid_ = 0;
};

void redis_get(benchmark::State& state) {
  static RedisServer server;
  std::unique_ptr<redisContext, void (*)(redisContext*)> redis(redisConnectUnix(server.socket().c_str()), redisFree);
  if (!redis || redis->err != 0) return state.SkipWithError("no redis-server");
  for (auto _ : state) {
    auto* reply = static_cast<redisReply*>(redisCommand(redis.get(), "GET agent_kill_global"));
    if (reply == nullptr || reply->type != REDIS_REPLY_NIL) return state.SkipWithError("found a flag, or failed");
    freeReplyObject(reply);
  }
}
BENCHMARK(redis_get)->UseRealTime();  // most of it is waiting for the other process

}  // namespace
}  // namespace notaus::bench

BENCHMARK_MAIN();
