#include "gate/exchange.h"

#include <array>

#include <fmt/format.h>

#include "gate/canonical_json.h"
#include "gate/handover.h"
#include "gate/problem.h"
#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

using net::Connection;
using net::Framing;
using net::piece;
using net::Reader;
using net::Task;

constexpr std::int64_t kListenNs = 30'000'000'000;  // for the outcome of a call whose client has left

}  // namespace

Exchange::Exchange(const Ways& ways, const Asked& asked, const Route& route)
    : client_(ways.client),
      pool_(ways.pool),
      upstream_(ways.upstream),
      guard_(ways.guard),
      seats_(ways.seats),
      asked_(asked),
      route_(route),
      began_(boot_now()) {}

// A body that says it is JSON and is, in its one spelling; else its bytes. A step of the run loop has none.
std::string Exchange::args() const {
  if (route_.tool.empty()) return {};
  const net::Field* type = client_.request().find("content-type");
  Members members;
  const bool json = type != nullptr && type->value.starts_with("application/json") && read_object(body_, members);
  return json ? canonical(body_) : body_;
}

Call Exchange::call(std::string_view args) const {
  return {.tenant = asked_.caller.tenant,
          .agent = asked_.caller.agent,
          .tool = route_.tool,
          .effect = route_.tool.empty() ? Effect::read : effect_of(route_, client_.request().method),
          .args = args};
}

Task<> Exchange::run() {
  if (!client_.body_done() && !co_await read_request()) co_return;
  seat_ = seats_.take(asked_.caller);
  if (!seat_) co_return co_await refuse(kNoSeat);
  Admission admission = guard_.admit(call(args()));
  if (!admission) {
    co_await client_.answer(denied(admission.denial(), Sent::no));
    co_return;
  }
  permit_ = std::move(admission.permit());
  if (co_await dispatch() && (body_whole_ || co_await send_rest())) co_await relay();
}

Task<bool> Exchange::read_request() {
  while (body_.size() <= kWhole && !client_.body_done()) {
    auto piece = co_await client_.body_piece();
    if (piece && !client_.hold(body_.size() + piece->size())) piece = std::unexpected(net::kTooMuchHeld);
    if (!piece) {
      if (piece.error().status == 0) co_return false;
      client_.close_after_this();
      co_await refuse(piece.error());
      co_return false;
    }
    body_ += *piece;
  }
  body_whole_ = client_.body_done();
  co_return true;
}

Task<> Exchange::refuse(const net::Refusal& why) {
  guard_.refused({}, why.why);
  co_await client_.answer(refused(why.status, why.why));
}

Task<bool> Exchange::dispatch() {
  append_request(head_, client_.request(), upstream_, asked_.credentials,
                 {.target = client_.request().target, .whole = body_whole_, .length = body_.size()});
  const bool chunks = !body_whole_ && client_.request().framing == Framing::chunked;
  if (chunks) head_ += fmt::format("{:x}\r\n", body_.size());
  std::array pieces = {piece(head_), piece(body_), piece(chunks ? "\r\n" : "")};
  std::optional<Denial> denial;
  auto handed = co_await hand_over(pool_, pieces, [&] { return !(denial = permit_.recheck()); });
  if (!handed) {
    permit_.done(Outcome::not_sent);
    co_await client_.answer(bad_gateway(handed.error().what, Sent::no));
    co_return false;
  }
  if (denial) {
    co_await client_.answer(denied(*denial, Sent::no));
    co_return false;
  }
  link_ = std::move(handed->link);
  if (link_->stream.has_left(pieces, handed->count))
    (void)co_await link_->stream.write(pieces, handed->count);  // if it breaks, the response tells why, or its absence does
  co_return true;
}

Task<bool> Exchange::send_rest() {
  const bool chunks = client_.request().framing == Framing::chunked;
  while (!body_whole_) {
    auto part = co_await client_.body_piece();
    if (!part) {
      client_.close_after_this();
      co_await broke("the request ended in the middle");
      co_return false;
    }
    const bool last = part->empty();
    head_ = chunks ? fmt::format("{:x}\r\n", part->size()) : "";
    std::array pieces = {piece(head_), piece(*part), piece(chunks ? "\r\n" : "")};
    body_whole_ = client_.body_done() && (last || !chunks);
    if (!co_await link_->stream.write(pieces)) break;
  }
  co_return true;
}

Task<> Exchange::relay() {
  body_ = {};
  (void)client_.hold(0);
  const net::Head& request = client_.request();
  const auto body = request.method == "HEAD" ? net::Parser::Body::none : net::Parser::Body::as_framed;
  auto head = co_await link_->reader.head(body);
  while (head && (*head)->status / 100 == 1) head = co_await link_->reader.head(body);  // for us, at most
  if (!head) co_return co_await broke(head.error().why);
  const auto form = stays_chunked(**head, request) ? Reader::Form::framed : Reader::Form::carried;
  if (!co_await relay_head(form)) co_return;
  while (!link_->reader.body_done()) {
    auto part = co_await link_->reader.body(form);
    if (!part) co_return co_await broke(part.error().why);
    std::array pieces = {piece(*part)};
    if (!left_ && !co_await client_.write(pieces)) client_left();
  }
  permit_.done(Outcome::done);
  if (link_->reader.last_head().keep_alive) pool_.give_back(std::move(link_));
}

// With what of the body has come along.
Task<bool> Exchange::relay_head(Reader::Form form) {
  const net::Head &response = link_->reader.last_head(), &request = client_.request();
  const bool ends_by_closing =
      response.framing == Framing::until_close || (response.framing == Framing::chunked && request.minor == 0);
  if (ends_by_closing) client_.close_after_this();
  head_.clear();
  append_response(head_, response, request, client_.keeps() ? Keeps::open : Keeps::closes);
  auto part = link_->reader.body_here(form);
  if (!part) {
    co_await broke(part.error().why);
    co_return false;
  }
  answering_ = true;
  std::array pieces = {piece(head_), piece(*part)};
  if (!left_ && !co_await client_.write(pieces)) client_left();
  co_return true;
}

// It was sent, and what came of it nobody knows.
Task<> Exchange::broke(std::string_view why) {
  permit_.done(Outcome::unknown);
  link_.reset();
  if (answering_ || left_) co_return client_.close_after_this();  // half an answer, and it can be seen that it is
  if (ended_by_)
    co_await client_.answer(denied(*ended_by_, Sent::yes));
  else
    co_await client_.answer(bad_gateway(why, Sent::yes));
}

std::optional<BootTime> Exchange::enforce(BootTime now) {
  if (!wanted_ || !link_ || !permit_ || ended_by_)  // what was not sent is denied at the last look
    return std::nullopt;
  if (now.ns < wanted_->at) return BootTime{wanted_->at};
  ended_by_ = wanted_->denial;
  if (link_) link_->stream.close();
  if (answering_ || !body_whole_) client_.stream().cancel();  // it may be his reading or his writing that keeps us
  return std::nullopt;
}

void Exchange::client_left() {
  left_ = true;
  client_.close_after_this();
  const bool step = route_.tool.empty();  // nobody pays for the rest of what a model says to nobody
  give_up_at_ = BootTime{boot_now().ns + (step ? 0 : kListenNs)};
  if (step && link_) link_->stream.cancel();
}

// Most requests are over within a tick; only of those that are not is the client watched.
void Exchange::tick(BootTime now) {
  if (give_up_at_ && now >= *give_up_at_ && link_) link_->stream.cancel();
  if (watching_ || left_ || !link_ || now.ns - began_.ns < net::Loop::kTickNs) return;
  watching_ = std::make_shared<Exchange*>(this);
  client_.stream().when_it_stirs([weak = std::weak_ptr(watching_)] {
    auto here = weak.lock();
    if (here && !(*here)->left_ && (*here)->client_.stream().quiet() == net::Stream::Quiet::gone) (*here)->client_left();
  });
}

}  // namespace notaus::gate
