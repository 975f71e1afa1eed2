#include "gate/mcp_exchange.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/ascii.h"
#include "gate/handover.h"
#include "gate/mcp_aside.h"
#include "gate/problem.h"

namespace notaus::gate {
namespace {

using net::Framing;
using net::piece;
using net::Reader;
using net::Task;

constexpr std::int64_t kListenNs =
    30'000'000'000;  // for the outcome of a call whose client has left, which cancels nothing in the old era
constexpr std::string_view kSession = "Mcp-Session-Id";

bool holds(std::string_view type, std::string_view word) { return !std::ranges::search(type, word, {}, lower, lower).empty(); }

std::string event_of(std::string_view line) { return fmt::format("event: message\ndata: {}\n", line); }

}  // namespace

McpExchange::McpExchange(const Ways& ways, const Asked& asked, std::string server, std::string_view query)
    : ways_(ways),
      client_(ways.client),
      asked_(asked),
      server_(std::move(server)),
      query_(query),
      request_(client_, asked_, ways_.hub.guard()),
      session_(request_.session()),
      way_{next_way(), session_.empty()},
      news_(client_.request().method == "GET"),
      body_(request_.body()),
      began_(boot_now()) {}

McpExchange::~McpExchange() {
  if (dialogue_) dialogue_->leave(way_, rest_);
}

Task<> McpExchange::run() {
  const net::Head& request = client_.request();
  if (!co_await request_.sound()) co_return;
  dialogue_ = ways_.hub.dialogue(server_, asked_.caller, session_);
  if (!dialogue_) co_return co_await request_.refuse(403, "the session of another caller, or one too many");
  dialogue_->listen(way_, [&loop = ways_.loop, weak = std::weak_ptr(self_)](const Order& order) {
    loop.post([weak, order] {
      if (auto here = weak.lock()) (*here)->told(order);
    });
  });
  if (request.method == "POST" && !co_await hear_client()) co_return;
  if (co_await dispatch()) co_await relay();
}

void McpExchange::wind_up() {
  if (news_ && link_) link_->stream.cancel();
}

Task<bool> McpExchange::hear_client() {
  auto message = co_await request_.message();
  if (!message) co_return false;
  era_ = message->era;
  news_ = message->asks == Asks::news;
  if (!co_await request_.seated(*message, ways_.seats)) co_return false;
  Ruling ruling = dialogue_->with([&](Session& session) { return session.hear_client(*std::move(message), under_way_, way_); });
  if (ruling.pass) co_return true;
  if (!ruling.to_server.empty()) {  // an answer of the client is withheld, and the server told so in its place
    body_ = std::move(ruling.to_server);
    co_return ours_ = true;
  }
  co_await request_.answer(ruling);
  co_return false;
}

Task<bool> McpExchange::dispatch() {
  const net::Head& request = client_.request();
  std::string head;
  append_request(head, request, ways_.upstream, asked_.credentials, {.target = query_, .length = body_.size()});
  if (request.method == "POST") {
    std::string lines;
    append_identity(lines, request, ways_.upstream, asked_.credentials);
    dialogue_->speaks_as(std::move(lines));
  }
  std::array pieces = {piece(head), piece(body_)};
  std::optional<Ruling> denied;
  auto handed = co_await hand_over(ways_.pool, pieces, [&] { return !(denied = Session::last_look(under_way_)); });
  if (!handed) {
    Session::not_sent(std::move(under_way_));
    co_await client_.answer(bad_gateway(handed.error().what, Sent::no));
    co_return false;
  }
  if (denied && denied->to_server.empty()) {
    co_await request_.answer(*denied);
    co_return false;
  }
  if (denied) {
    body_ = std::move(denied->to_server);
    under_way_ = {};
    ours_ = true;
    co_return co_await dispatch();
  }
  link_ = std::move(handed->link);
  if (request.find("Last-Event-ID") != nullptr) dialogue_->with([&](Session& session) { session.resumed(way_); });
  if (request.method == "POST" && !ours_)
    dialogue_->with([&](Session& session) { session.sent(std::move(under_way_), boot_now()); });
  if (link_->stream.has_left(pieces, handed->count))
    (void)co_await link_->stream.write(pieces, handed->count);  // if it breaks, the response tells why, or its absence does
  body_ = {};
  co_return true;
}

Task<> McpExchange::relay() {
  auto head = co_await link_->reader.head();
  while (head && (*head)->status / 100 == 1) head = co_await link_->reader.head();  // for us, at most
  if (!head) co_return co_await broke(head.error().why);
  const net::Head& response = **head;
  if (const net::Field* session = response.find(kSession); session != nullptr && session_.empty())
    (void)ways_.hub.dialogue(server_, asked_.caller, session->value);  // from now on it is this caller's
  if (client_.request().method == "DELETE" && response.status / 100 == 2) ways_.hub.end(server_, session_);
  const net::Field *type = response.find("Content-Type"), *coding = response.find("Content-Encoding");
  const bool events = type != nullptr && holds(type->value, "text/event-stream");
  const bool messages = events || (type != nullptr && holds(type->value, "json"));
  if (messages && coding != nullptr && !net::same_name(coding->value, "identity"))
    co_return co_await broke("it answers in a coding that nobody asked for");
  if (!messages)
    co_await relay_opaque();
  else
    co_await relay_messages(events ? Relay::Form::events : Relay::Form::whole);
  if (link_ && link_->reader.body_done() && link_->reader.last_head().keep_alive) ways_.pool.give_back(std::move(link_));
}

// What holds no message of the protocol is none of our business.
Task<> McpExchange::relay_opaque() {
  open_head(Framed::as_it_came);
  const auto form = stays_chunked(link_->reader.last_head(), client_.request()) ? Reader::Form::framed : Reader::Form::carried;
  co_await write("");
  while (!link_->reader.body_done()) {
    auto part = co_await link_->reader.body(form);
    if (!part) co_return co_await broke(part.error().why);
    co_await write(*part);
  }
  rest_ = Rest::answered;
}

Task<> McpExchange::relay_messages(Relay::Form form) {
  relay_.emplace(kMostAnswer, form);
  const net::Head& response = link_->reader.last_head();
  const bool anew = form == Relay::Form::events || response.framing == Framing::chunked;
  // Who opens a stream without a session may have an old server before him, whose first event says so.
  const bool first_tells = client_.request().method == "GET" && session_.empty();
  auto first = first_tells ? co_await link_->reader.body(Reader::Form::carried) : link_->reader.body_here(Reader::Form::carried);
  if (!first) co_return co_await broke(first.error().why);
  std::string go = judge(*first);
  if (relay_->events().names_endpoint()) co_return co_await broke(kOldServer);
  if (form == Relay::Form::events || !go.empty()) open_head(anew ? Framed::anew : Framed::as_it_came);
  co_await write(go);
  while (!link_->reader.body_done()) {
    auto part = co_await link_->reader.body(Reader::Form::carried);
    if (!part) co_return co_await broke(part.error().why);
    go = judge(*part);
    if (relay_->events().names_endpoint()) co_return co_await broke(kOldServer);
    if (go.empty()) continue;
    if (!answering_) open_head(anew ? Framed::anew : Framed::as_it_came);
    co_await write(go);
  }
  co_await last_message(form, anew);
}

// What stands behind the last end of a message: of an answer all of it, of events nothing that a client would take.
Task<> McpExchange::last_message(Relay::Form form, bool anew) {
  std::string go = form == Relay::Form::whole ? judge_message() : "";
  if (form == Relay::Form::whole && !answering_ && go.empty()) co_return co_await broke("what it answers is no answer");
  if (!answering_) open_head(anew ? Framed::anew : Framed::as_it_came);
  co_await write(go);
  if (chunks_) co_await write_end();
  rest_ = form == Relay::Form::whole ? Rest::answered : what_is_left();
}

// Of a stream that has ended without an answer.
Rest McpExchange::what_is_left() const {
  const bool may_go_on = relay_ && relay_->events().has_ids() && era_ == Era::legacy && !session_.empty() && given_up_.empty();
  return may_go_on ? Rest::resumable : Rest::lost;
}

void McpExchange::open_head(Framed framed) {
  const net::Head &response = link_->reader.last_head(), &request = client_.request();
  const bool by_closing = response.framing == Framing::until_close || (response.framing == Framing::chunked && request.minor == 0);
  if (by_closing && (framed == Framed::as_it_came || request.minor == 0)) client_.close_after_this();
  chunks_ = framed == Framed::anew && request.minor == 1;
  head_.clear();
  append_response(head_, response, request, client_.keeps() ? Keeps::open : Keeps::closes, framed);
  answering_ = true;
}

// The bytes that may go on, of those that have come.
std::string McpExchange::judge(std::string_view bytes) {
  std::string go;
  while (!bytes.empty()) {
    switch (relay_->take(bytes)) {
      case Relay::State::holding: break;
      case Relay::State::streaming: go += std::exchange(relay_->bytes, {}); break;
      case Relay::State::ended: go += judge_message(); break;
      case Relay::State::overlong:
        request_.note("dropped a message from the server: neither an answer nor complete after 16 MiB");
        relay_->finish();
        break;
    }
  }
  return go;
}

std::string McpExchange::judge_message() {
  const bool begun = relay_->inside_line();
  std::string bytes = std::exchange(relay_->bytes, {});
  const ServerLine line = relay_->finish();
  Ruling ruling = dialogue_->with([&](Session& session) { return session.hear_server(line, way_); });
  if (!ruling.note.empty()) request_.note(ruling.note);
  if (!ruling.to_server.empty()) aside(std::move(ruling.to_server));
  return ruling.pass || begun ? bytes : "";
}

void McpExchange::aside(std::string line) {
  ways_.loop.start(say_aside(ways_.loop, ways_.alive, ways_.pool, ways_.upstream, dialogue_, std::move(line)));
}

// To the client, with the head if that is still to go.
Task<> McpExchange::write(std::string_view bytes) {
  std::string front = std::exchange(head_, {}) + std::exchange(unsaid_, {});
  if (bytes.empty() && front.empty()) co_return;
  const bool chunk = chunks_ && !bytes.empty();
  if (chunk) front += fmt::format("{:x}\r\n", bytes.size());
  std::array pieces = {piece(front), piece(bytes), piece(chunk ? "\r\n" : "")};
  co_await write_pieces(pieces);
}

Task<> McpExchange::write_end() {
  std::array pieces = {piece("0\r\n\r\n")};
  co_await write_pieces(pieces);
}

Task<> McpExchange::write_pieces(std::span<iovec> pieces) {
  if (left_) co_return;
  writing_ = true;
  const bool gone = co_await client_.write(pieces);
  writing_ = false;
  if (!gone) client_left();
}

// It was sent, and no answer will come.
Task<> McpExchange::broke(std::string_view why) {
  link_.reset();
  rest_ = what_is_left();
  const bool amid = answering_ && (!relay_ || !chunks_ || relay_->inside_line());
  if (left_ || amid || (answering_ && given_up_.empty()))
    co_return client_.close_after_this();  // and it can be seen that it is half
  if (given_up_.empty()) co_return (void) co_await client_.answer(bad_gateway(why, Sent::yes));
  if (!answering_) co_return (void) co_await client_.answer({.body = given_up_});
  co_await write(event_of(given_up_));
  co_await write_end();
}

// What a stop wants, carried out. A modern server is asked to end by closing its stream, which leaves nothing to wait for.
void McpExchange::told(const Order& order) {
  if (order.to == Order::To::client) return interject(event_of(order.line));
  if (order.to == Order::To::server && era_ == Era::legacy) return aside(order.line);
  given_up_ = order.to == Order::To::waiting ? order.line : dialogue_->with([&](Session& session) { return session.sever(way_); });
  if (given_up_.empty()) return;
  if (link_) link_->stream.close();
  if (writing_) client_.stream().cancel();  // it may be his reading that keeps us
}

// Between two events, on a stream that is open.
void McpExchange::interject(const std::string& event) {
  if (!answering_ || !chunks_ || left_ || relay_->inside_line()) return;
  unsaid_ += fmt::format("{:x}\r\n{}\r\n", event.size(), event);
  if (writing_ || !head_.empty()) return;
  std::array pieces = {piece(unsaid_)};
  auto count = client_.stream().write_now(pieces);
  unsaid_.erase(0, count.value_or(0));
}

void McpExchange::client_left() {
  left_ = true;
  client_.close_after_this();
  const bool cancels = era_ == Era::modern || client_.request().method != "POST";
  give_up_at_ = BootTime{boot_now().ns + (cancels ? 0 : kListenNs)};
  if (cancels && link_) link_->stream.cancel();
}

// Most requests are over within a tick; only of those that are not is the client watched.
void McpExchange::tick(BootTime now) {
  if (give_up_at_ && now >= *give_up_at_ && link_) link_->stream.cancel();
  if (watching_ || left_ || !link_ || now.ns - began_.ns < net::Loop::kTickNs) return;
  watching_ = true;
  client_.stream().when_it_stirs([weak = std::weak_ptr(self_)] {
    auto here = weak.lock();
    if (here && !(*here)->left_ && (*here)->client_.stream().quiet() == net::Stream::Quiet::gone) (*here)->client_left();
  });
}

}  // namespace notaus::gate
