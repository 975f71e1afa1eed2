#include "gate/piped_exchange.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gate/denial.h"
#include "gate/mcp_head.h"
#include "gate/problem.h"
#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

using net::piece;
using net::Task;
using What = Told::What;

constexpr auto kAsTuple = net::asio::as_tuple(net::asio::use_awaitable_t<net::Executor>{});
constexpr std::size_t kMostBehind = 32 << 20;  // of what its client has not read
constexpr std::int64_t kSilenceNs = 1'000'000'000;  // before who waits is shown that it is being worked on

// The errors that are the protocol's own have a status of their own in the new era.
unsigned status_of(std::string_view answer, Era era) {
  Members error, top{.inner_key = "error", .inner = &error};
  if (era == Era::legacy || !read_object(answer, top)) return 200;
  const std::string_view code = error.find("code");
  if (code == "-32601") return 404;
  return code == "-32020" || code == "-32021" || code == "-32022" ? 400 : 200;
}

}  // namespace

PipedExchange::PipedExchange(const Ways& ways, const Asked& asked, std::string server, const Command& command)
    : ways_(ways),
      client_(ways.client),
      asked_(asked),
      request_(client_, asked_, ways.guard),
      errand_{.what = Errand::What::message,
              .server = std::move(server),
              .session = request_.session(),
              .command = command,
              .caller = asked.caller,
              .outgoing = {}},
      bell_(ways.loop.context()) {}

PipedExchange::~PipedExchange() { ways_.supervisor.leave(way_); }

Task<> PipedExchange::run() {
  if (!co_await request_.sound() || !co_await ask()) co_return;
  while (auto told = co_await next())
    if (!co_await pass_on(std::move(*told))) co_return;
}

Task<bool> PipedExchange::ask() {
  const std::string_view method = client_.request().method;
  const net::Field* version = client_.request().find("MCP-Protocol-Version");
  if (method == "POST") {
    auto message = co_await request_.message();
    if (!message) co_return false;
    if (auto lacks = lacking(client_.request(), *message); lacks) co_return co_await request_.answer(reject(*lacks)), false;
    id_ = message->shape == Shape::request ? message->id : "";
    era_ = message->era;
    news_ = message->asks == Asks::news;
    if (!co_await request_.seated(*message, ways_.seats)) co_return false;
    auto text = std::make_shared<std::string>(std::move(request_.body()));
    std::ranges::replace_if(
        *text, [](char c) { return c == '\n' || c == '\r'; }, ' ');  // outside of strings alone, where they are space
    errand_.outgoing.text = std::move(text);
    errand_.outgoing.message = std::move(*message);
  } else if (version != nullptr && version->value == "2026-07-28") {
    co_return co_await request_.refuse(405, "the revision 2026-07-28 knows POST alone"), false;
  } else {
    news_ = method == "GET";
    errand_.what = news_ ? Errand::What::news : Errand::What::end;
  }
  errand_.outgoing.way = way_;
  errand_.outgoing.tell = [&loop = ways_.loop, weak = std::weak_ptr(self_)](Told told) {
    loop.post([weak, told = std::move(told)]() mutable {
      if (auto here = weak.lock()) (*here)->hear(std::move(told));
    });
  };
  asked_at_ = boot_now();
  ways_.supervisor.take(std::move(errand_));
  co_return true;
}

// --- what it is told, in order ---

void PipedExchange::hear(Told told) {
  told_size_ += told.text.size();
  told_.push_back(std::move(told));
  if (told_size_ > kMostBehind) return client_left();
  bell_.cancel();
}

Task<std::optional<Told>> PipedExchange::next() {
  while (told_.empty() && !left_) {
    bell_.expires_at(std::chrono::steady_clock::time_point::max());
    (void)co_await bell_.async_wait(kAsTuple);
  }
  if (left_) co_return std::nullopt;
  Told told = std::move(told_.front());
  told_.pop_front();
  told_size_ -= told.text.size();
  co_return told;
}

// False: that was all.
Task<bool> PipedExchange::pass_on(Told told) {
  switch (told.what) {
    case What::session: began_session_ = std::move(told.text); co_return true;
    case What::message: co_return co_await event(told.text);
    case What::answer: co_await last(told.text); co_return false;
    case What::accepted:
      if (news_) co_return co_await open_stream();
      co_await client_.answer({.status = client_.request().method == "DELETE" ? 204u : 202u});
      co_return false;
    case What::ruled:
      if (streaming_)
        co_await last(told.ruling.to_client);
      else
        co_await request_.answer(told.ruling);
      co_return false;
    case What::refused: co_await request_.refuse(told.status, told.text); co_return false;
    case What::not_sent:
    case What::unknown: co_await lost(told); co_return false;
  }
}

Task<> PipedExchange::last(std::string_view text) {
  if (streaming_) {
    if (co_await event(text)) co_await end_stream();
    co_return;
  }
  net::Answer answer{.status = status_of(text, era_), .body = std::string(text)};
  if (!began_session_.empty()) answer.fields = fmt::format("Mcp-Session-Id: {}\r\n", began_session_);
  co_await client_.answer(answer);
}

Task<> PipedExchange::lost(const Told& told) {
  const Sent sent = told.what == What::unknown ? Sent::yes : Sent::no;
  if (!streaming_) co_return (void) co_await client_.answer(bad_gateway(told.text, sent));
  if (id_.empty() || co_await event(no_answer_line(id_, told.text, sent))) co_await end_stream();
}

Task<bool> PipedExchange::open_stream() {
  if (std::exchange(streaming_, true)) co_return !left_;
  const bool chunks = client_.request().minor == 1;
  if (!chunks) client_.close_after_this();
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
  if (chunks) head += "Transfer-Encoding: chunked\r\n";
  if (!began_session_.empty()) head += fmt::format("Mcp-Session-Id: {}\r\n", began_session_);
  if (!client_.keeps()) head += "Connection: close\r\n";
  head += "\r\n";
  std::array pieces = {piece(head)};
  if (!co_await client_.write(pieces)) client_left();
  co_return !left_;
}

Task<bool> PipedExchange::event(std::string_view text) {
  if (!co_await open_stream()) co_return false;
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.empty()) co_await write(fmt::format("event: message\ndata: {}\n\n", text));
  co_return !left_;
}

Task<> PipedExchange::write(std::string_view bytes) {
  const bool chunks = client_.request().minor == 1;
  const std::string size = chunks ? fmt::format("{:x}\r\n", bytes.size()) : "";
  std::array pieces = {piece(size), piece(bytes), piece(chunks ? "\r\n" : "")};
  if (!co_await client_.write(pieces)) client_left();
}

Task<> PipedExchange::end_stream() {
  std::array pieces = {piece("0\r\n\r\n")};
  if (!left_ && client_.request().minor == 1) co_await client_.write(pieces);
}

// --- who waits ---

void PipedExchange::client_left() {
  left_ = true;
  client_.close_after_this();
  client_.stream().cancel();
  bell_.cancel();
}

void PipedExchange::wind_up() {
  if (news_) hear({.what = What::answer});
}

// Most requests are over within a tick; only of those that are not is the client watched, and shown that somebody is there.
void PipedExchange::tick(BootTime now) {
  if (left_ || !asked_at_ || now.ns - asked_at_->ns < net::Loop::kTickNs) return;
  if (!streaming_ && !id_.empty() && now.ns - asked_at_->ns >= kSilenceNs) hear({.what = What::message});
  if (std::exchange(watching_, true)) return;
  client_.stream().when_it_stirs([weak = std::weak_ptr(self_)] {
    auto here = weak.lock();
    if (here && !(*here)->left_ && (*here)->client_.stream().quiet() == net::Stream::Quiet::gone) (*here)->client_left();
  });
}

}  // namespace notaus::gate
