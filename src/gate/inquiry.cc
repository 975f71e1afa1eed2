#include "gate/inquiry.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/json.h"
#include "gate/loop.h"

namespace notaus::gate {
namespace {

constexpr std::size_t kMaxId = 256;  // a longer one is not worth an answer

ServerLine read_line(std::string_view bytes) {
  LineScan scan;
  scan.take(bytes.substr(0, bytes.find('\n')));
  return scan.finish();
}

}  // namespace

Inquiry::Signals::Signals() : on_pipe(signal(SIGPIPE, SIG_IGN)), fd(hear_by_descriptor(&before)) {}

Inquiry::Signals::~Signals() {
  if (!fd) return;  // moved from
  signal(SIGPIPE, on_pipe);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

Inquiry::Inquiry(Signals signals, Child child, std::string name, Limits limits)
    : signals_(std::move(signals)),
      child_(std::move(child)),
      name_(std::move(name)),
      limits_(limits),
      lines_(limits.max_line),
      to_server_(child_.in.get()) {}

Result<Inquiry> Inquiry::start(const std::vector<std::string>& command, Limits limits) {
  Signals signals;  // first: a child that ends at once is heard
  adopt_orphans();
  auto child = spawn(command);
  if (!child) return std::unexpected(child.error().in("cannot run"));
  return Inquiry(std::move(signals), *std::move(child), command[0], limits);
}

Inquiry::~Inquiry() {
  if (running_ && signals_.fd) end();  // else it has ended, or was moved from
}

Result<std::string> Inquiry::ask(std::string_view method, std::string_view params) {
  const std::string id = std::to_string(++asked_);
  outbox_.add(JsonLine().field("jsonrpc", "2.0").raw("id", id).field("method", method).raw("params", params).text() + "\n");
  while (true) {
    auto line = line_of(method);
    if (!line) return line;
    const ServerLine seen = read_line(*line);
    if (seen.is_response() && seen.id == id) return line;
    if (seen.is_request() && seen.id.size() <= kMaxId) reply(seen);
  }
}

void Inquiry::tell(std::string_view method) {
  outbox_.add(JsonLine().field("jsonrpc", "2.0").field("method", method).text() + "\n");
}

// What we declared we can do is nothing.
void Inquiry::reply(const ServerLine& asked) {
  JsonLine answer;
  answer.field("jsonrpc", "2.0").raw("id", asked.id);
  if (asked.method == "ping")
    answer.raw("result", "{}");
  else
    answer.raw("error", R"({"code":-32601,"message":"Method not found"})");
  outbox_.add(answer.text() + "\n");
}

Result<std::string> Inquiry::line_of(std::string_view method) {
  while (true) {
    if (auto line = lines_.next()) {
      if (!line->overlong) return std::move(line->bytes);
      hurried_ = true;
      return trouble(Kind::broken, name_ + ": a line of more than " + std::to_string(limits_.max_line) + " bytes");
    }
    if (auto more = wait(method); !more) return std::unexpected(more.error());
  }
}

Result<> Inquiry::wait(std::string_view method) {
  hurried_ = hurried_ || boot_now() >= limits_.deadline;
  if (hurried_) return trouble(Kind::retry, name_ + ": no answer to " + std::string(method) + " in time");
  bool deaf = outbox_.flush(to_server_) == Io::closed;
  std::array<pollfd, 3> polled = {{
      {child_.out.get(), POLLIN, 0},
      {outbox_.empty() || deaf ? -1 : child_.in.get(), POLLOUT, 0},
      {signals_.fd.get(), POLLIN, 0},
  }};
  poll(polled.data(), polled.size(), timeout_ms({limits_.deadline}, boot_now()));
  hear_signals();
  if (hurried_) return trouble(Kind::refused, "interrupted");
  Io io = Io::blocked;
  if (polled[0].revents != 0) io = lines_.read(child_.out.get());
  if (io == Io::closed || (io == Io::blocked && child_ended_)) return ended(method);  // an orphan may hold its stdout
  return {};
}

void Inquiry::hear_signals() {
  signalfd_siginfo info;
  while (read(signals_.fd.get(), &info, sizeof info) == sizeof info) hurried_ |= info.ssi_signo != SIGCHLD;
  child_ended_ = child_ended_ || reap(child_);
}

Result<> Inquiry::ended(std::string_view method) {
  const std::string status = std::to_string(end());
  return trouble(Kind::gone, name_ + ": ended before it answered " + std::string(method) + " (exit status " + status + ")");
}

// As clients end their servers: its stdin closes, then the signals, at once if it has not kept its bounds. What it still says is read, so
// that it does not block on it.
int Inquiry::end() {
  Ending ending;
  ending.asked(boot_now());
  child_.in = Fd();
  std::string dropped;
  while (!child_ended_ && !ending.over()) {
    if (hurried_) ending.insisted(boot_now());
    std::array<pollfd, 2> polled = {{{child_.out.get(), POLLIN, 0}, {signals_.fd.get(), POLLIN, 0}}};
    poll(polled.data(), polled.size(), timeout_ms({ending.next()}, boot_now()));
    dropped.clear();
    if (polled[0].revents != 0 && read_some(child_.out.get(), dropped, 64 << 10) == Io::closed) child_.out = Fd();
    hear_signals();
    if (int number = ending.signal_due(boot_now())) kill(-child_.pid, number);
  }
  running_ = false;
  return finish(child_);
}

}  // namespace notaus::gate
