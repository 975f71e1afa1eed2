// What `notaus mcp` adds to a tool call over stdio: one client drives copies of one echo server, directly, through the wrapper and through
// a relay that only copies bytes (what any process in between costs), in turns, one call after the other; then how much memory the
// wrapper holds. Every call is a write, so each leaves a record.
#include <poll.h>
#include <sched.h>
#include <signal.h>

#include <fstream>
#include <iostream>

#include "bench/measure.h"
#include "bench/process.h"
#include "bench/state.h"

namespace notaus::bench {
namespace {

constexpr std::size_t kLine = 1024;  // a request, with its newline
constexpr int kRounds = 25, kCallsARound = 200;

std::string request(int id) {
  std::string head = fmt::format(
      R"({{"jsonrpc":"2.0","id":{:06},"method":"tools/call","params":{{"name":"email.send","arguments":{{"text":")", 100'000 + id);
  constexpr std::string_view kTail = "\"}}}\n";
  return head + std::string(kLine - head.size() - kTail.size(), 'x') + std::string(kTail);
}

std::string_view between(std::string_view line, std::string_view before, char after) {
  std::size_t begin = line.find(before);
  check(begin != std::string_view::npos, "not the line we know: " + std::string(line));
  begin += before.size();
  return line.substr(begin, line.find(after, begin) - begin);
}

// The server: the text comes back.
std::string answer(std::string_view id, std::string_view text) {
  return fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{{"content":[{{"type":"text","text":"{}"}}]}}}})", id, text) + "\n";
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t wrote = write(fd, text.data(), text.size());
    check(wrote > 0, "the other side is gone");
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

// One line at a time, which is how the calls come. Empty at the end.
std::string_view read_line(int fd, std::string& buffer) {
  buffer.clear();
  char some[8192];
  while (!buffer.ends_with('\n')) {
    ssize_t got = read(fd, some, sizeof some);
    if (got <= 0) return {};
    buffer.append(some, static_cast<std::size_t>(got));
  }
  return buffer;
}

int serve() {
  std::string buffer;
  while (true) {
    std::string_view line = read_line(0, buffer);
    if (line.empty()) return 0;
    write_all(1, answer(between(line, "\"id\":", ','), between(line, "\"text\":\"", '"')));
  }
}

// Everything there is to read, to the other side. False at the end.
bool copy_some(int from, int to) {
  char some[8192];
  ssize_t got = read(from, some, sizeof some);
  if (got > 0) write_all(to, {some, static_cast<std::size_t>(got)});
  return got > 0;
}

int relay(const std::string& us) {
  Process server = Process::start({us, "serve"});
  pollfd polled[2] = {{0, POLLIN, 0}, {server.out.get(), POLLIN, 0}};
  while (poll(polled, 2, -1) > 0) {
    if (polled[0].revents != 0 && !copy_some(0, server.in.get())) break;
    if (polled[1].revents != 0 && !copy_some(server.out.get(), 1)) break;
  }
  server.in = Fd();
  return server.wait();
}

class Session {
 public:
  explicit Session(const std::vector<std::string>& words) : server_(Process::start(words)) {}

  // In microseconds; the answer is the one to this very call.
  double call() {
    const std::string line = request(++calls_);
    const std::string wanted = answer(between(line, "\"id\":", ','), between(line, "\"text\":\"", '"'));
    const std::int64_t start = now_ns();
    write_all(server_.in.get(), line);
    std::string_view got = read_line(server_.out.get(), buffer_);
    const std::int64_t end = now_ns();
    check(got == wanted, "not the echo: " + std::string(got));
    return static_cast<double>(end - start) / 1e3;
  }

  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] pid_t pid() const { return server_.pid; }
  void end() {
    server_.in = Fd();
    check(server_.wait() == 0, "a server did not end well");
  }

 private:
  Process server_;
  std::string buffer_;
  int calls_ = 0;
};

void print_memory(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string field; std::getline(status, field);) {
    if (field.starts_with("Name:")) check(field.ends_with("notaus-gate"), "not the gate: " + field);
    for (const char* name : {"VmRSS", "VmHWM", "RssFile", "RssAnon", "RssShmem"})
      if (field.starts_with(std::string(name) + ":"))
        print_row(fmt::format("notaus-gate {}", name), "KiB", std::stod(field.substr(field.find(':') + 1)));
  }
}

// Every call was seen by the gate: it left a record.
void check_audit(const std::string& state, int calls) {
  std::string records = run({beside_us("notaus").string(), "audit", "list", "--json", "--state", state}).said;
  int ended = 0;
  for (std::size_t at = 0; (at = records.find("\"email.send\"", at)) != std::string::npos; ++at) ++ended;
  check(ended == calls, fmt::format("{} calls, {} records", calls, ended));
}

// One way to the server, measured a round at a time.
struct Side {
  Session& session;
  Samples all = {}, round = {};

  void go_round() {
    round = {};
    for (int i = 0; i < kCallsARound; ++i) round.add(session.call());
    all.add_all(round);
  }
};

enum class Memory { leave_out, print };

void measure(const std::string& name, int rounds, Memory memory) {
  Scratch scratch;
  const std::string us = beside_us("mcp_bench").string(), notaus = beside_us("notaus").string(), state = scratch.path + "/state";
  run({notaus, "init", "--state", state});
  Session direct({us, "serve"}), relayed({us, "relay"}),
      wrapped({notaus, "mcp", "--state", state, "--tenant", "acme", "--", us, "serve"});
  Side plain{direct}, copied{relayed}, guarded{wrapped};
  for (Side* side : {&plain, &copied, &guarded}) side->go_round();
  for (Side* side : {&plain, &copied, &guarded}) side->all = side->round = {};
  Samples relay_added, added;
  for (int round = 0; round < rounds; ++round) {
    for (Side* side : {&plain, &copied, &guarded}) side->go_round();
    relay_added.add(copied.round.percentile(0.5) - plain.round.percentile(0.5));
    added.add(guarded.round.percentile(0.5) - plain.round.percentile(0.5));
  }
  print_row("tools/call direct, " + name, "us", plain.all);
  print_row("tools/call through a bare relay, " + name, "us", copied.all);
  print_row("tools/call through notaus mcp, " + name, "us", guarded.all);
  print_row("added by a bare relay, " + name, "us", relay_added);
  print_row("added by notaus mcp, " + name, "us", added);
  if (memory == Memory::print) print_memory(wrapped.pid());
  for (Session* session : {&direct, &relayed, &wrapped}) session->end();
  check_audit(state, wrapped.calls());
}

void pin_to_one_cpu() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  check(sched_setaffinity(0, sizeof one, &one) == 0, "cannot choose a CPU");
}

}  // namespace
}  // namespace notaus::bench

int main(int count, char** words) {
  using namespace notaus::bench;
  if (count > 1 && std::string_view(words[1]) == "serve") return serve();
  if (count > 1 && std::string_view(words[1]) == "relay") return relay(words[0]);
  signal(SIGPIPE, SIG_IGN);
  const int rounds = is_quick(count, words) ? 2 : kRounds;
  measure("any CPU", rounds, Memory::print);
  pin_to_one_cpu();
  measure("one CPU", rounds, Memory::leave_out);
}
