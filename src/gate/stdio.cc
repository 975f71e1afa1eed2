#include "gate/stdio.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "gate/loop.h"

namespace notaus::gate {
namespace {

constexpr std::size_t kChunk = 64 << 10;
constexpr std::size_t kBacklog = 256 << 10;          // of answers of ours that nobody reads
constexpr std::int64_t kPatienceNs = 1'500'000'000;  // with a server that takes nothing while its client is gone

}  // namespace

Stdio::Stdio(Guard& guard, Child child, const StdioOptions& options)
    : options_(options),
      child_(std::move(child)),
      guard_(guard),
      session_(guard),
      relay_(options.max_line),
      from_client_(options.max_line),
      client_(options.client_out),
      server_(child_.in.get()) {}

bool Stdio::ready(Polled which) const { return polled_[which].revents != 0; }

int Stdio::run() {
  while (!finished()) {
    wait(boot_now());
    BootTime now = boot_now();
    hear_signals(now);
    hear_change();
    read_client();
    feed_server(now);
    read_server(now);
    flush_client(now);
    keep_time(now);
  }
  if (line_) Session::not_sent(std::move(under_way_));
  return finish(child_);
}

bool Stdio::backlog() const { return to_client_.size() + answers_.size() > kBacklog; }
bool Stdio::wants_line() const { return !line_ && !hurried_ && !backlog(); }
bool Stdio::wants_client() const { return !client_eof_ && wants_line() && !from_client_.full(); }
bool Stdio::wants_server() const { return !server_eof_ && to_client_.empty() && to_server_.size() <= kBacklog; }

// A slow client gets what a server wrote before it ended, unless we were told to hurry.
bool Stdio::finished() const {
  bool server_done = (child_ended_ && server_eof_) || (ending_.over() && server_quiet_);
  return server_done && (to_client_.empty() || client_gone_ || hurried_);
}

void Stdio::wait(BootTime now) {
  bool writes = (line_ || !to_server_.empty()) && child_.in;
  auto client_events = static_cast<short>(wants_client() ? POLLIN : POLLRDHUP);
  polled_ = {{
      {client_eof_ || (client_hung_up_ && !wants_client()) ? -1 : options_.client_in, client_events, 0},
      {writes ? child_.in.get() : -1, POLLOUT, 0},
      {wants_server() ? child_.out.get() : -1, POLLIN, 0},
      {to_client_.empty() ? -1 : options_.client_out, POLLOUT, 0},
      {options_.signals, POLLIN, 0},
      {options_.changed, POLLIN, 0},
  }};
  std::optional<BootTime> patience, ending = ending_.next();
  if (ending_.over()) ending = to_client_.empty() ? std::optional(now) : std::nullopt;
  if (stuck_since_ && client_hung_up_ && !ending_.begun()) patience = BootTime{stuck_since_->ns + kPatienceNs};
  bool more = child_.in && from_client_.full() && wants_line();  // whole lines are here already
  poll(polled_.data(), polled_.size(), more ? 0 : timeout_ms({ending, next_due_, patience}, now));
  client_hung_up_ |= (polled_[kClientIn].revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

void Stdio::hear_signals(BootTime now) {
  if (!ready(kSignals)) return;
  signalfd_siginfo info;
  while (read(options_.signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    hurried_ = true;
    ending_.insisted(now);
  }
  if (child_ended_ || !reap(child_)) return;
  child_ended_ = true;
  ending_.ended(now);
}

// A line that waits for the server is denied when the stop comes, not when the server wakes.
void Stdio::hear_change() {
  std::uint64_t count;
  if (!ready(kChanged) || read(options_.changed, &count, sizeof count) != sizeof count) return;
  session_.page_changed();
  if (!line_) return;
  if (auto denied = Session::last_look(under_way_)) {
    line_.reset();
    apply(*denied);
  }
}

// Only when polled ready: its flags are not ours, and a read without data would block.
void Stdio::read_client() {
  if (!ready(kClientIn) || !wants_client()) return;
  if (from_client_.read(options_.client_in) == Io::closed) client_eof_ = true;
}

// A whole line at a time: asked about, looked at once more when the server is ready for it, handed over. Denied ones are answered
// also while the server takes nothing.
void Stdio::feed_server(BootTime now) {
  while (child_.in) {
    if (wants_line() && take_line()) continue;
    std::size_t left = to_server_.size();
    Io io = to_server_.flush(server_);
    if (io == Io::some && !line_) break;
    if (io == Io::some) io = hand_over(now);
    if (io == Io::closed) return server_deaf(now);
    if (io == Io::some || to_server_.size() < left) stuck_since_.reset();
    if (io == Io::blocked && !stuck_since_) stuck_since_ = now;
    if (io == Io::blocked) return;
  }
  if (client_eof_ && !from_client_.full() && child_.in) close_server_in(now);
}

bool Stdio::take_line() {
  auto line = from_client_.next();
  if (!line) return false;
  if (line->overlong) {
    apply(reject({kInvalidRequest, "longer than " + std::to_string(options_.max_line) + " bytes"}));
    return true;
  }
  if (line->bytes.find_first_not_of(" \t\r\n") == std::string::npos) return true;
  Ruling ruling = session_.hear_client(line->bytes, under_way_);
  if (ruling.pass) line_ = std::move(line->bytes);
  apply(ruling);
  return true;
}

// Dispatch: this write hands over the line's first byte, so the last look comes right before it, whenever the pipe is ready again.
Io Stdio::hand_over(BootTime now) {
  if (auto denied = Session::last_look(under_way_)) {
    line_.reset();
    apply(*denied);
    return Io::some;
  }
  std::string_view rest = *line_;
  Io io = server_.write_some(rest);
  if (io != Io::some) return io;
  session_.sent(std::move(under_way_), now);
  to_server_.add(rest);
  line_.reset();
  return Io::some;
}

// It will hear nothing more. It usually is about to end.
void Stdio::server_deaf(BootTime now) {
  if (line_) Session::not_sent(std::move(under_way_));
  line_.reset();
  close_server_in(now);
}

void Stdio::close_server_in(BootTime now) {
  child_.in = Fd();
  client_eof_ = true;
  ending_.asked(now);
}

void Stdio::read_server(BootTime now) {
  server_quiet_ = wants_server() && !ready(kServerOut);
  if (!ready(kServerOut)) return;
  chunk_.clear();
  Io io = read_some(child_.out.get(), chunk_, kChunk);
  server_quiet_ = io != Io::some;
  server_eof_ = io == Io::closed;
  std::string_view rest = chunk_;
  while (!rest.empty()) {
    Relay::State state = relay_.take(rest);
    if (state == Relay::State::streaming) to_client_.add(std::exchange(relay_.bytes, {}));
    if (state == Relay::State::ended) judge_server_line();
    if (state == Relay::State::overlong) note("dropped a line from the server: neither an answer nor complete after 16 MiB");
    if (state == Relay::State::overlong) relay_.finish();
  }
  if (!server_eof_) return;
  judge_server_line();  // some clients take a last line without its newline
  server_deaf(now);     // nobody would see what it answers
}

void Stdio::judge_server_line() {
  bool begun = relay_.inside_line();
  std::string bytes = std::exchange(relay_.bytes, {});
  Ruling ruling = session_.hear_server(relay_.finish());
  if (ruling.pass || begun) to_client_.add(bytes);
  to_client_.add(std::exchange(answers_, {}));
  apply(ruling);
}

void Stdio::apply(const Ruling& ruling) {
  answer_client(ruling.to_client);
  to_server_.add(ruling.to_server);
  if (!ruling.note.empty()) guard_.refused({}, ruling.note);
  note(ruling.note);
}

void Stdio::answer_client(const std::string& lines) {
  if (relay_.inside_line())
    answers_ += lines;
  else
    to_client_.add(lines);
}

void Stdio::flush_client(BootTime now) {
  if (client_gone_) to_client_ = {};
  if (to_client_.flush(client_) != Io::closed) return;
  client_gone_ = true;
  to_client_ = {};
  if (child_.in) close_server_in(now);
}

void Stdio::keep_time(BootTime now) {
  if (stuck_since_ && client_hung_up_ && now.ns - stuck_since_->ns >= kPatienceNs) ending_.insisted(now);
  if (int signal = ending_.signal_due(now)) kill(-child_.pid, signal);
  Session::Due due = session_.keep_time(now, relay_.inside_line());
  for (const Order& order : due.orders)
    if (order.to != Order::To::server)
      answer_client(order.line);
    else if (child_.in)
      to_server_.add(order.line);
  next_due_ = due.next;
  relay_.hold_whole(session_.late());
  if (due.end_server) end_server(now);
}

// Every call it has was to be ended and was not.
void Stdio::end_server(BootTime now) {
  if (ending_.begun()) return;
  note("ending the server: a stop with --cancel covers every call it has, and it has not ended them");
  if (child_.in) close_server_in(now);
  ending_.insisted(now);
}

}  // namespace notaus::gate
