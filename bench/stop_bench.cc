// `notaus stop` as an operator waits for it: the whole process from spawn to exit, durable and confirmed, with 1 to 2,000 live points, and
// with 1 to 10,000 stops in force. Beside it, in turns with it: an empty process (`true`), our own program doing nothing, and one durable
// UPDATE in an open SQLite.
#include <linux/magic.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include <functional>
#include <memory>

#include <nlohmann/json.hpp>

#include "bench/measure.h"
#include "bench/points.h"
#include "bench/process.h"
#include "bench/state.h"
#include "ledger/codec.h"
#include "ledger/ledger.h"

namespace notaus::bench {
namespace {

std::string notaus() { return beside_us("notaus").string(); }

class Database {
 public:
  explicit Database(const std::string& path) {
    sqlite3* opened = nullptr;
    check(sqlite3_open(path.c_str(), &opened) == SQLITE_OK, "no database");
    db_.reset(opened);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE flags(name TEXT PRIMARY KEY, value INT)");
    run("INSERT INTO flags VALUES('stopped', 0)");
  }
  double update() {
    const std::int64_t start = now_ns();
    run("UPDATE flags SET value = value + 1 WHERE name = 'stopped'");
    check(sqlite3_changes(db_.get()) == 1, "no row was updated");
    return static_cast<double>(now_ns() - start) / 1e6;
  }

 private:
  void run(const char* sql) {
    check(sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK, sqlite3_errmsg(db_.get()));
  }
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_{nullptr, sqlite3_close};
};

// What so many `notaus stop` would have left in the ledger, in one transaction.
void fill_ledger(const std::string& path, int stops) {
  core::State state = ledger::open_sqlite(path, std::chrono::seconds(1)).value()->read().value();
  sqlite3* opened = nullptr;
  check(sqlite3_open(path.c_str(), &opened) == SQLITE_OK, "no ledger");
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(opened, sqlite3_close);
  auto run = [&](const char* sql, std::initializer_list<std::string> values) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(db.get(), sql, -1, &statement, nullptr) == SQLITE_OK, sqlite3_errmsg(db.get()));
    int at = 0;
    for (const std::string& value : values) sqlite3_bind_text(statement, ++at, value.c_str(), -1, SQLITE_TRANSIENT);
    check(sqlite3_step(statement) == SQLITE_DONE, sqlite3_errmsg(db.get()));
    sqlite3_finalize(statement);
  };
  run("BEGIN", {});
  for (int i = 0; i < stops; ++i) {
    core::Action action;
    action.id = new_id();
    action.by = "bench";
    action.at = wall_now();
    action.stop = {
        .id = action.id, .selector = {.tenant = "tenant-" + std::to_string(i)}, .reason = "bench", .by = "bench", .at = action.at};
    state = core::apply(std::move(state), action).value();
    run("INSERT INTO actions(revision, id, json) VALUES(CAST(? AS INT), ?, ?)",
        {std::to_string(state.revision), action.id, ledger::encode(action)});
    run("INSERT INTO stops(id, json) VALUES(?, ?)", {action.id, ledger::encode(state.stops.back())});
  }
  run("UPDATE state SET json = ?", {ledger::encode_rest(state)});
  run("COMMIT", {});
}

struct Figures {
  Samples stop, committed, confirmed, empty, version, update;
  int late_audits = 0;
};

void stop_and_resume(const std::string& state, int points, Figures& figures) {
  Ended stop = run({notaus(), "stop", "--global", "--reason", "bench", "--json", "--state", state});
  auto said = nlohmann::json::parse(stop.said);
  check(said["confirmed"] && said["durable"] && said["stored"], "not durable: " + stop.said);
  check(said["hosts"][0]["points"] == points && said["hosts"][0]["state"] == "acked", "not all points: " + stop.said);
  figures.late_audits += said["audit"] != "durable";  // a stop does not wait for it longer than 50 ms
  figures.stop.add(stop.ms);
  figures.committed.add(said["elapsed_ms"]["committed"]);
  figures.confirmed.add(said["elapsed_ms"]["confirmed"]);
  run({notaus(), "resume", said["record"]["id"], "--reason", "bench", "--state", state});
}

struct Case {
  const char* name;
  int processes, each, rounds;
  int stops = 0;  // that stand already
};
constexpr Case kCases[] = {{"1 point", 1, 1, 160},
                           {"20 points", 20, 1, 160},
                           {"100 points", 100, 1, 80},
                           {"500 points, one process", 1, 500, 40},
                           {"500 points", 500, 1, 40},
                           {"2000 points", 2000, 1, 12},
                           {"1 stop, 20 points", 20, 1, 80, 1},
                           {"10 stops, 20 points", 20, 1, 80, 10},
                           {"100 stops, 20 points", 20, 1, 80, 100},
                           {"1000 stops, 20 points", 20, 1, 40, 1000},
                           {"10000 stops, 20 points", 20, 1, 12, 10'000}};

void print(const std::string& where, const Case& one, const Figures& figures) {
  auto row = [&](const char* what, const Samples& ms) { print_row(fmt::format("{}, {}, {}", what, where, one.name), "ms", ms); };
  row("notaus stop", figures.stop);
  row("its elapsed_ms.committed", figures.committed);
  row("its elapsed_ms.confirmed", figures.confirmed);
  row("SQLite UPDATE", figures.update);
  row("notaus --version", figures.version);
  row("true", figures.empty);
  print_row(fmt::format("drift of notaus stop, {}, {}", where, one.name), "x", figures.stop.drift());
}

void measure(const std::string& where, const std::filesystem::path& in, const Case& one, int rounds) {
  Scratch scratch(in);
  const std::string state = scratch.path + "/state";
  run({notaus(), "init", "--state", state});
  if (one.stops > 0) fill_ledger(state + "/ledger.db", one.stops);
  run({notaus(), "status", "--state", state});  // onto the page
  Database database(scratch.path + "/flags.db");
  Points points(state, one.processes, one.each);
  Figures figures;
  for (int i = 0; i < rounds; ++i) {
    figures.empty.add(run({"true"}).ms);
    figures.version.add(run({notaus(), "--version"}).ms);
    figures.update.add(database.update());
    stop_and_resume(state, one.processes * one.each, figures);
  }
  // With thousands of stops the ledger's reading alone takes longer than a stop waits for the log.
  if (one.stops < 1000)
    check(figures.late_audits * 20 <= rounds, "the audit log was late in more than one of 20 stops: this machine is too busy");
  print(where, one, figures);
}

bool in_memory(const std::filesystem::path& path) {
  struct statfs on{};
  return statfs(path.c_str(), &on) == 0 && on.f_type == TMPFS_MAGIC;
}

void raise_limit(int what) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource>(what), &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(static_cast<__rlimit_resource>(what), &limit);
}

}  // namespace
}  // namespace notaus::bench

int main(int count, char** words) {
  using namespace notaus::bench;
  signal(SIGPIPE, SIG_IGN);
  raise_limit(RLIMIT_NOFILE);
  const std::filesystem::path disk = beside_us(""), memory = "/dev/shm";
  for (const Case& one : kCases) {
    const int rounds = is_quick(count, words) ? 5 : one.rounds;
    if (!in_memory(disk)) measure("disk", disk, one, rounds);
    if (in_memory(memory)) measure("tmpfs", memory, one, rounds);
  }
}
