// The audit log: records a second with group commit, verify, and how long `notaus audit list` takes to its first line, by tenant, tool and
// time, over ten million records.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/log.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "base/json.h"
#include "bench/measure.h"
#include "bench/process.h"
#include "bench/state.h"

namespace notaus::bench {
namespace {

constexpr std::uint64_t kBatch = 2560;  // 1 MiB, as host::drain() logs at a time

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// An admitted write, as a point tells of it; of 50 tenants and 40 tools, and one in the middle of all that is alone.
std::string record(std::uint64_t n, std::uint64_t count) {
  const bool rare = n == count / 2;
  return JsonLine()
      .field("kind", "admitted_write")
      .field("at", iso8601({static_cast<std::int64_t>(1'700'000'000'000 + n * 10)}))
      .field("up_ms", std::uint64_t{n * 10})
      .field("boot", "5a2c1f0e-0000-4000-8000-000000000000")
      .field("point", "mcp-4711-k3j2xa")
      .field("call", fmt::format("mcp-4711-k3j2xa/17.{}", n))
      .field("tenant", rare ? "rare" : fmt::format("tenant-{}", n % 50))
      .field("agent", "mailer")
      .field("tool", rare ? "rare.tool" : fmt::format("tool-{}.send", n % 40))
      .field("effect", "write")
      .field("since", iso8601({static_cast<std::int64_t>(1'700'000'000'000 + n * 10)}))
      .field("revision", std::uint64_t{41})
      .field("args", fmt::format("{:032x}", n * 7919))
      .field("outcome", "done")
      .text();
}

// Seconds of processor time that the log alone took, and of the clock.
struct Took {
  double cpu = 0, wall = 0;
};
Took fill(audit::Log& log, std::uint64_t count) {
  Took took;
  for (std::uint64_t n = 0; n < count;) {
    std::vector<audit::Record> batch;
    for (; batch.size() < kBatch && n < count; ++n) batch.push_back({record(n, count)});
    const double cpu = cpu_s();
    const std::int64_t wall = now_ns();
    check(log.append(batch).has_value() && log.settle().has_value(), "an append failed");
    took.cpu += cpu_s() - cpu;
    took.wall += static_cast<double>(now_ns() - wall) / 1e9;
  }
  return took;
}

audit::Log open(const std::string& state) {
  auto log = audit::Log::open({state + "/log", "bench", "", state + "/live/checkpoint"}, std::chrono::seconds(1));
  check(log.has_value(), "no log");
  return *std::move(log);
}

double first_line_ms(const std::string& state, const char* flag, const std::string& value) {
  const std::int64_t start = now_ns();
  const Process list = Process::start({beside_us("notaus").string(), "audit", "list", "--state", state, flag, value});
  char byte = 0;
  check(read(list.out.get(), &byte, 1) == 1, "no line");
  const double took = static_cast<double>(now_ns() - start) / 1e6;
  kill(list.pid, SIGKILL);
  waitpid(list.pid, nullptr, 0);
  return took;
}

// A state as `notaus init` makes it.
struct Made {
  Scratch scratch;
  std::string path = scratch.path + "/state";
  Made() {
    const Process init = Process::start({beside_us("notaus").string(), "init", "--state", path});
    (void)init.read_all();
    waitpid(init.pid, nullptr, 0);
  }
};

void row(const std::string& name, const char* unit, double value) {
  fmt::print("{{\"name\":\"{}\",\"unit\":\"{}\",\"value\":{:.1f}}}\n", name, unit, value);
}

void measure(std::uint64_t count, std::uint64_t verified, int times) {
  {
    Made small;
    audit::Log log = open(small.path);
    fill(log, verified);
    const std::int64_t start = now_ns();
    check(audit::verify(small.path + "/log", "").verdict == audit::Inspection::Verdict::sound, "the log is not sound");
    row("audit verify, 1M records", "s", static_cast<double>(now_ns() - start) / 1e9 * 1e6 / static_cast<double>(verified));
  }
  Made large;
  {
    audit::Log log = open(large.path);
    const Took took = fill(log, count);
    row("log append, records a second and core", "1/s", static_cast<double>(count) / took.cpu);
    row("log append, records a second", "1/s", static_cast<double>(count) / took.wall);
  }
  for (auto [name, flag, value] :
       {std::tuple("tenant", "--tenant", "rare"), {"tool", "--tool", "rare.tool"}, {"time", "--since", ""}}) {
    const std::string wanted = *value != '\0' ? value : iso8601({static_cast<std::int64_t>(1'700'000'000'000 + count * 9)});
    Samples took;
    for (int i = 0; i < times; ++i) took.add(first_line_ms(large.path, flag, wanted));
    print_row(fmt::format("audit list by {}, first line", name), "ms", took);
  }
}

}  // namespace
}  // namespace notaus::bench

int main(int count, char** words) {
  const bool quick = count > 1 && std::string_view(words[1]) == "--quick";
  const std::uint64_t records = count > 1 && !quick ? std::strtoull(words[1], nullptr, 10) : 10'000'000;
  notaus::bench::measure(quick ? 20'000 : records, quick ? 20'000 : 1'000'000, quick ? 1 : 20);
}
