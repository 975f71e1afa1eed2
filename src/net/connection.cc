#include "net/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace notaus::net {
namespace {

std::string_view phrase(unsigned status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

std::string http_date() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  char text[32];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts))};
}

bool is_local(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) return false;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(at);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(at).sin6_addr;
  switch (at.ss_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    default: return false;
  }
}

}  // namespace

Connection::Connection(Loop& loop, Stream stream, const Limits& limits, std::size_t& held)
    : stream_(std::move(stream)),
      reader_(stream_, Side::request),
      limits_(limits),
      all_held_(held),
      peer_{.local = is_local(stream_.fd())} {
  loop.watch(*this);
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = boot_now();
  received_ = reader_.received();
}

Judged<> Connection::judged(Refusal refusal) {
  phase_ = Phase::ours;
  if (late_) return std::unexpected(Refusal{408, "the request came too slowly"});
  return std::unexpected(refusal);
}

Task<bool> Connection::secure(const Tls& tls) {
  enter(Phase::head);
  const auto secured = co_await stream_.secure(tls.accept());
  phase_ = Phase::ours;
  if (secured) peer_.certified = stream_.certified();
  co_return secured.has_value();
}

Task<Judged<const Head*>> Connection::next() {
  enter(Phase::idle);
  invited_ = false;
  auto head = co_await reader_.head();
  if (!head) co_return std::unexpected(judged(head.error()).error());
  phase_ = Phase::ours;
  co_return head;
}

// Who asks first is told to go on, as soon as somebody wants to read.
Task<Judged<>> Connection::invite_body() {
  if (invited_ || reader_.body_done()) co_return Judged<>();
  invited_ = true;
  if (request().minor == 0 || !has_token(request(), "Expect", "100-continue")) co_return Judged<>();
  std::array pieces = {piece("HTTP/1.1 100 Continue\r\n\r\n")};
  if (!co_await write(pieces)) co_return std::unexpected(Refusal{0, "closed"});
  co_return Judged<>();
}

Task<Judged<>> Connection::whole_body(std::string& into, std::size_t most) {
  if (request().framing == Framing::length && request().length > most)
    co_return std::unexpected(Refusal{413, "the body is too long"});
  if (auto invited = co_await invite_body(); !invited) co_return invited;
  enter(Phase::body);
  while (!reader_.body_done()) {
    auto piece = co_await reader_.body(Reader::Form::carried);
    if (!piece) co_return judged(piece.error());
    if (into.size() + piece->size() > most) co_return judged({413, "the body is too long"});
    if (!hold(into.size() + piece->size())) co_return judged(kTooMuchHeld);
    into += *piece;
  }
  phase_ = Phase::ours;
  co_return Judged<>();
}

bool Connection::hold(std::size_t bytes) {
  if (bytes > held_ && all_held_ - held_ + bytes > limits_.held) return false;
  all_held_ = all_held_ - std::exchange(held_, bytes) + bytes;
  return true;
}

Task<Judged<std::string_view>> Connection::body_piece() {
  if (auto invited = co_await invite_body(); !invited) co_return std::unexpected(invited.error());
  enter(Phase::stall);
  auto read = co_await reader_.body(Reader::Form::carried);
  phase_ = Phase::ours;
  if (!read) co_return std::unexpected(judged(read.error()).error());
  co_return read;
}

Task<bool> Connection::answer(const Answer& answer) {
  const bool head_only = request().method == "HEAD";
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", answer.status, phrase(answer.status), http_date());
  if (answer.status >= 200 && answer.status != 204) head += fmt::format("Content-Length: {}\r\n", answer.body.size());
  if (!answer.body.empty()) head += fmt::format("Content-Type: {}\r\n", answer.type);
  if (!keeps()) {
    keep_ = false;
    head += "Connection: close\r\n";
  } else if (request().minor == 0) {
    head += "Connection: keep-alive\r\n";
  }
  head += answer.fields + "\r\n";
  std::array pieces = {piece(head), piece(head_only ? std::string_view() : answer.body)};
  co_return co_await write(pieces);
}

Task<bool> Connection::write(std::span<iovec> pieces) {
  Result<std::size_t> gone = 0;
  if (stream_.has_left(pieces, 0)) gone = stream_.write_now(pieces);
  const bool written = gone && (!stream_.has_left(pieces, *gone) || co_await stream_.write(pieces, *gone));
  if (!written) keep_ = false;
  co_return written;
}

void Connection::wind_up() {
  keep_ = false;
  if (phase_ == Phase::idle && !reader_.more_here()) stream_.cancel();
}

// Closing while bytes of his wait unread would make the kernel reset the connection, and him miss the answer.
Task<> Connection::part() {
  stream_.half_close();
  enter(Phase::parting);
  std::array<char, 4096> rest;
  while (phase_ == Phase::parting && co_await stream_.read_some(rest)) {
  }
}

void Connection::part_at_once() {
  stream_.half_close();
  std::array<char, 4096> rest;
  for (int most = 16; most > 0 && recv(stream_.fd(), rest.data(), rest.size(), MSG_DONTWAIT) > 0; --most) {
  }
}

void Connection::tick(BootTime now) {
  const bool more = reader_.received() != received_;
  if (phase_ == Phase::idle && more) enter(Phase::head);
  if (phase_ == Phase::stall && more) enter(Phase::stall);
  const std::int64_t most[] = {limits_.idle_ns, limits_.head_ns, limits_.body_ns, limits_.stall_ns, limits_.parting_ns};
  if (phase_ == Phase::ours || now.ns - since_.ns < most[static_cast<std::size_t>(phase_)]) return;
  late_ = phase_ != Phase::idle;
  phase_ = Phase::ours;
  stream_.cancel();
}

}  // namespace notaus::net
