#include "gate/piped.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/json.h"
#include "gate/rpc_id.h"
#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

constexpr std::size_t kChunk = 64 << 10;
constexpr std::size_t kBacklog = 256 << 10;  // of answers of ours that the server does not read

std::string key_of(std::string_view json) { return json.empty() ? "" : id_key(json).value_or(std::string(json)); }

std::string progress_token(const Message& message) {
  Members meta;
  if (message.meta.empty() || !read_object(message.meta, meta)) return {};
  return key_of(meta.find("progressToken"));
}

}  // namespace

Piped::Piped(net::Loop& loop, Guard& guard, const Caller& caller, pid_t pid, const Heir* heir)
    : guard_(guard),
      caller_(caller),
      session_(guard, caller),
      pid_(pid),
      heir_(heir),
      in_(loop.context()),
      out_(loop.context()),
      death_(loop.context()),
      due_(loop.context()) {
  relay_.hold_whole(true);  // for whom it is may stand at its end
  loop.watch(*this);
}

Piped::~Piped() {
  if (!reaped_) waitpid(pid_, nullptr, WNOHANG);
}

Result<std::shared_ptr<Piped>> Piped::start(net::Loop& loop, Guard& guard, const Caller& caller, const Command& command,
                                            const Heir* heir) {
  auto write_down = [heir] {
    if (heir != nullptr) heir->write_down_self();
  };
  auto child = spawn_apart(command.argv, command.env, write_down);
  if (!child) return std::unexpected(child.error());
  auto piped = std::make_shared<Piped>(loop, guard, caller, child->pid, heir);
  if (auto attached = piped->attach(std::move(*child)); !attached) return std::unexpected(attached.error().in(command.argv[0]));
  return piped;
}

Result<> Piped::attach(Child child) {
  Fd death(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  boost::system::error_code error;
  for (auto [pipe, fd] : {std::pair{&in_, &child.in}, {&out_, &child.out}, {&death_, &death}}) {
    if (!error) (void)pipe->assign(fd->get(), error);
    if (!error) (void)fd->release();
  }
  if (error) return trouble(Kind::refused, error.message());
  writer_.emplace(in_.native_handle());
  death_.async_wait(Pipe::wait_read, [weak = weak_from_this()](const boost::system::error_code& gone) {
    auto self = weak.lock();
    if (!self || gone) return;
    self->exited_ = true;
    self->close();
    self->ending_.ended(boot_now());
  });
  await_bytes();
  return {};
}

void Piped::note(std::string_view why) { guard_.refused({.tenant = caller_.tenant, .agent = caller_.agent}, why); }

// --- the client's messages ---

bool Piped::can_tell_apart(const Message& message) const {
  const std::string token = progress_token(message);
  auto same = [&](const auto& one) {
    return (!message.id_key.empty() && one.second.id_key == message.id_key) || (!token.empty() && one.second.progress == token);
  };
  return !session_.has(message.id_key) && std::ranges::none_of(ways_, same);
}

void Piped::hear(Outgoing what) {
  const Message& message = what.message;
  Open open{.tell = what.tell,
            .id = message.id,
            .id_key = message.id_key,
            .progress = progress_token(message),
            .era = message.era,
            .begins = message.method == "initialize",
            .news = message.asks == Asks::news,
            .number = ++opened_};
  const bool request = message.shape == Shape::request;
  auto same = [&](const auto& one) { return one.second.id_key == open.id_key; };
  UnderWay under_way;
  Ruling ruling;
  if (ending()) return what.tell({.what = Told::What::not_sent, .text = "it has ended"});
  if (waiting_.size() >= kMostWaiting)
    ruling = reject(
        {kInvalidRequest, "the server takes nothing, and as many messages wait for it as may", open.id.empty() ? "null" : open.id});
  else if (request && std::ranges::any_of(ways_, same))
    ruling = reject({kInvalidRequest, "id " + open.id + " is in flight already"});
  else
    ruling = session_.hear_client(std::move(what.message), under_way, Way{what.way});
  if (!ruling.pass) {
    rule(ruling, what.tell);
    return feed();
  }
  if (request) ways_.insert_or_assign(what.way, std::move(open));
  waiting_.push_back({std::move(what.text), std::move(under_way), std::move(what.tell)});
  feed();
}

// Of a message that is not handed over. Whose answer is withheld from the server is told nothing.
void Piped::rule(const Ruling& ruling, const Tell& tell) {
  to_server_.add(ruling.to_server);
  tell(ruling.to_server.empty() ? Told{.what = Told::What::ruled, .ruling = ruling} : Told{.what = Told::What::accepted});
}

void Piped::feed() {
  while (in_.is_open()) {
    Io io = to_server_.flush(*writer_);
    if (io == Io::some && waiting_.empty()) return;
    if (io == Io::some) io = hand_over();
    if (io == Io::closed) close();
    if (io == Io::blocked) return await_room();
  }
  drop_waiting();
}

void Piped::drop_waiting() {
  for (Waiting& one : std::exchange(waiting_, {})) {
    ways_.erase(one.under_way.way.name);
    Session::not_sent(std::move(one.under_way));
    one.tell({.what = Told::What::not_sent, .text = "it has ended"});
  }
}

// Dispatch: this write hands over the message's first byte, so the last look comes right before it, whenever the pipe is ready again.
Io Piped::hand_over() {
  Waiting& next = waiting_.front();
  const std::string way = next.under_way.way.name;
  const bool request = next.under_way.message.shape == Shape::request;
  if (auto denied = Session::last_look(next.under_way)) {
    const Waiting gone = std::move(next);
    waiting_.pop_front();
    ways_.erase(way);
    rule(*denied, gone.tell);
    return Io::some;
  }
  std::string_view rest = *next.text;
  if (Io io = writer_->write_some(rest); io != Io::some) return io;
  session_.sent(std::move(next.under_way), boot_now());
  to_server_.add(rest);
  to_server_.add("\n");
  const Tell tell = std::move(next.tell);
  waiting_.pop_front();
  if (!request) {
    tell({.what = Told::What::accepted});
  } else if (auto open = ways_.find(way); open != ways_.end()) {
    open->second.sent = true;
    claim(way);
  }
  return Io::some;
}

void Piped::await_room() {
  if (std::exchange(waits_for_room_, true)) return;
  in_.async_wait(Pipe::wait_write, [weak = weak_from_this()](const boost::system::error_code& error) {
    auto self = weak.lock();
    if (!self) return;
    self->waits_for_room_ = false;
    if (!error) self->feed();
  });
}

void Piped::hear_news(const std::string& way, Tell tell) {
  if (has_news())
    return tell({.what = Told::What::refused, .text = "a stream of news is open already in this session", .status = 409});
  tell({.what = Told::What::accepted});
  ways_.insert_or_assign(way, Open{.tell = std::move(tell), .sent = true, .news = true});
  news_ = way;
  claim(way);
}

// In the new era who leaves has cancelled; in the old one nothing, and the answer tells how the call ended. What has not been sent never is.
void Piped::leave(const std::string& way) {
  auto found = ways_.find(way);
  if (found == ways_.end()) return;
  const Open open = std::move(found->second);
  ways_.erase(found);
  if (open.begins) return close();  // nobody knows the session
  if (open.sent) return open.era == Era::modern ? cancel(open) : void();
  auto its = std::ranges::find_if(waiting_, [&](const Waiting& one) { return one.under_way.way.name == way; });
  if (its == waiting_.end()) return;
  Session::not_sent(std::move(its->under_way));
  waiting_.erase(its);
}

// Over pipes there is no stream to close; the same is said as a notification.
void Piped::cancel(const Open& open) {
  const std::string params = JsonLine().raw("requestId", open.id).field("reason", "its client has left").text();
  auto text = std::make_shared<std::string>(
      JsonLine().field("jsonrpc", "2.0").field("method", "notifications/cancelled").raw("params", params).text());
  auto message = classify(*text);
  if (message && !ending()) hear({.text = text, .message = std::move(*message), .way = {}, .tell = [](const Told&) {}});
}

// Who waits for the pipe is denied when the stop comes, not when the server wakes.
void Piped::page_changed() {
  session_.page_changed();
  std::deque<Waiting> still = std::exchange(waiting_, {});
  for (Waiting& one : still) {
    if (auto denied = Session::last_look(one.under_way)) {
      ways_.erase(one.under_way.way.name);
      rule(*denied, one.tell);
    } else {
      waiting_.push_back(std::move(one));
    }
  }
  keep_time(boot_now());
}

// --- the server's ---

// A server that does not read what it is told is not listened to either.
void Piped::await_bytes() {
  if (to_server_.size() > kBacklog || std::exchange(waits_for_bytes_, true)) return;
  out_.async_wait(Pipe::wait_read, [weak = weak_from_this()](const boost::system::error_code& error) {
    auto self = weak.lock();
    if (!self || error) return;
    self->waits_for_bytes_ = false;
    self->read();
  });
}

void Piped::read() {
  chunk_.clear();
  const Io io = read_some(out_.native_handle(), chunk_, kChunk);
  std::string_view rest = chunk_;
  while (!rest.empty()) {
    const Relay::State state = relay_.take(rest);
    if (state == Relay::State::streaming) relay_.bytes.clear();
    if (state == Relay::State::ended) judge();
    if (state != Relay::State::overlong) continue;
    note("dropped a line from the server: neither an answer nor complete after 16 MiB");
    relay_.finish();
  }
  if (io == Io::closed) {
    judge();  // some servers end without a last newline
    return deaf();
  }
  feed();
  await_bytes();
}

void Piped::judge() {
  const bool lost = relay_.inside_line();
  std::string bytes = std::exchange(relay_.bytes, {});
  const ServerLine line = relay_.finish();
  if (line.form == ServerLine::Form::blank || line.form == ServerLine::Form::noise) return;
  const std::string way = way_of(line);
  const auto open = ways_.find(way);
  const bool begins_not = line.has_error && open != ways_.end() && open->second.begins;
  Ruling ruling = session_.hear_server(line, Way{way});
  if (!ruling.note.empty()) note(ruling.note);
  to_server_.add(ruling.to_server);
  if (!ruling.pass) return;
  while (bytes.ends_with('\n') || bytes.ends_with('\r')) bytes.pop_back();
  std::ranges::replace(bytes, '\r', ' ');  // it would end a line of an event
  if (lost)
    deliver(way, {.what = Told::What::unknown, .text = "its answer is longer than 16 MiB"});
  else if (line.is_response())
    deliver(way, {.what = Told::What::answer, .text = std::move(bytes)});
  else if (ways_.contains(way))
    deliver(way, {.what = Told::What::message, .text = std::move(bytes)});
  else if (line.subscription.empty() && line.progress.empty())
    keep(std::move(bytes));
  if (begins_not) close();
}

// By the id that it answers, the token that its client gave, the stream that it opened. Pipes say no more; so the rest goes with the call that
// was sent last, else to who listens for news.
std::string Piped::way_of(const ServerLine& line) const {
  const std::string id = line.is_response() ? key_of(line.id) : key_of(line.subscription), token = key_of(line.progress);
  const std::pair<const std::string, Open>* last = nullptr;
  for (const auto& one : ways_) {
    if (!id.empty() && one.second.id_key == id) return one.first;
    if (!token.empty() && one.second.progress == token) return one.first;
    if (one.second.sent && !one.second.news && (last == nullptr || one.second.number > last->second.number)) last = &one;
  }
  if (line.is_response() || !id.empty() || !token.empty()) return {};
  return last != nullptr ? last->first : has_news() ? news_ : "";
}

void Piped::deliver(const std::string& way, Told told) {
  auto found = ways_.find(way);
  if (found == ways_.end()) return;
  const Tell tell = found->second.tell;
  if (told.what != Told::What::message) ways_.erase(found);
  tell(std::move(told));
}

// Until somebody listens.
void Piped::keep(std::string text) {
  if (unclaimed_size_ + text.size() > kMostUnclaimed) return note("dropped a message from the server, since nobody listens");
  unclaimed_size_ += text.size();
  unclaimed_.push_back(std::move(text));
}

void Piped::claim(const std::string& way) {
  unclaimed_size_ = 0;
  for (std::string& text : std::exchange(unclaimed_, {})) deliver(way, {.what = Told::What::message, .text = std::move(text)});
}

// Nothing more comes from it.
void Piped::deaf() {
  deaf_ = true;
  close();
  session_.server_ended();
  for (auto& [way, open] : std::exchange(ways_, {})) open.tell({.what = Told::What::unknown, .text = "it has ended"});
}

// --- its end, and that of calls ---

void Piped::close() {
  boost::system::error_code ignored;
  if (in_.is_open()) (void)in_.close(ignored);
  ending_.asked(boot_now());
  drop_waiting();
}

void Piped::keep_time(BootTime now) {
  lay_to_rest(now);
  if (ended()) return deaf();
  Session::Due due = session_.keep_time(now, false);
  for (const Order& order : due.orders) carry_out(order);
  if (due.end_server && !ending()) {
    close();
    ending_.insisted(now);
  }
  feed();
  await_bytes();
  if (!due.next || due.next->ns - now.ns >= net::Loop::kTickNs) return;
  due_.expires_after(std::chrono::nanoseconds(due.next->ns - now.ns));
  due_.async_wait([weak = weak_from_this()](const boost::system::error_code& moved) {
    if (auto self = weak.lock(); self && !moved) self->keep_time(boot_now());
  });
}

// Its number is its process group's, and nobody else's while a member lives.
void Piped::lay_to_rest(BootTime now) {
  if (!reaped_ && exited_ && deaf_) reaped_ = waitpid(pid_, nullptr, WNOHANG) == pid_;
  const bool nobody = reaped_ && kill(-pid_, 0) != 0;
  if (nobody && heir_ != nullptr) heir_->strike_out(pid_);
  over_ = nobody || ending_.over();
  if (over_) return;
  if (int signal = ending_.signal_due(now)) kill(-pid_, signal);
}

void Piped::carry_out(const Order& order) {
  std::string text = order.line;
  while (text.ends_with('\n')) text.pop_back();
  switch (order.to) {
    case Order::To::server: return to_server_.add(order.line);
    case Order::To::client: return deliver(order.way, {.what = Told::What::message, .text = std::move(text)});
    case Order::To::waiting: return deliver(order.way, {.what = Told::What::answer, .text = std::move(text)});
  }
}

}  // namespace notaus::gate
