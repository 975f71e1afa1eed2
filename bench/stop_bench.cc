// `notaus stop` as an operator waits for it: the whole process from spawn to exit, durable and confirmed, with 1 to 500 live points.
// Beside it, in turns with it: an empty process (`true`), our own program doing nothing, and one durable UPDATE in an open SQLite.
#include <linux/magic.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include <functional>
#include <memory>

#include <nlohmann/json.hpp>
#include <notaus/guard.hpp>

#include "bench/measure.h"
#include "bench/process.h"
#include "bench/state.h"

namespace notaus::bench {
namespace {

std::string notaus() { return beside_us("notaus").string(); }

// `processes` of them with `each` Guards; alive until the end of this object, and then they leave in order.
class Points {
 public:
  Points(const std::string& state, int processes, int each) {
    int ready[2], leave[2];
    check(pipe(ready) == 0 && pipe(leave) == 0, "no pipe");
    for (int i = 0; i < processes; ++i)
      if (fork() == 0) be(state, each, ready, leave);
    close(ready[1]);
    close(leave[0]);
    leave_ = Fd(leave[1]);
    Fd from(ready[0]);
    processes_ = processes;
    char one = 0;
    for (int i = 0; i < processes; ++i) check(read(from.get(), &one, 1) == 1 && one == '+', "a point could not attach");
  }
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;
  ~Points() {
    leave_ = Fd();
    for (int i = 0; i < processes_; ++i) ::wait(nullptr);
  }

 private:
  [[noreturn]] static void be(const std::string& state, int each, const int* ready, const int* leave) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ready[0]);
    close(leave[1]);
    char ok = '+';
    {
      std::vector<Guard> guards;
      for (int i = 0; i < each; ++i) {
        guards.push_back(Guard::open({.state = state, .tenant = "acme", .agent = "mailer", .name = "bench"}));
        if (!guards.back().check({.tool = "email.send"}) && guards.back().trouble().empty()) continue;
        ok = '-';
      }
      check(write(ready[1], &ok, 1) == 1, "nobody waits");
      char until_closed = 0;
      (void)!read(leave[0], &until_closed, 1);
    }
    _exit(0);
  }

  Fd leave_;
  int processes_ = 0;
};

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
};
constexpr Case kCases[] = {
    {"1 point", 1, 1, 160}, {"20 points", 20, 1, 160}, {"500 points, one process", 1, 500, 40}, {"500 points", 500, 1, 40}};

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
  Database database(scratch.path + "/flags.db");
  Points points(state, one.processes, one.each);
  Figures figures;
  for (int i = 0; i < rounds; ++i) {
    figures.empty.add(run({"true"}).ms);
    figures.version.add(run({notaus(), "--version"}).ms);
    figures.update.add(database.update());
    stop_and_resume(state, one.processes * one.each, figures);
  }
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
