#include "net/stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace notaus::net {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
using Wait = asio::socket_base;

Trouble trouble_of(const boost::system::error_code& error) {
  return {error == asio::error::eof ? Kind::gone : Kind::broken, error.message()};
}

}  // namespace

Task<Result<std::size_t>> Stream::read_some(std::span<char> into) {
  ++*reads_;
  if (tls_) co_return co_await read_sealed(into);
  auto [error, count] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), kAsTuple);
  if (error) co_return std::unexpected(trouble_of(error));
  co_return count;
}

Task<Result<std::size_t>> Stream::read_sealed(std::span<char> into) {
  while (true) {
    auto opened = tls_->open(into);
    if (!opened || *opened > 0) co_return opened;
    if (auto sent = flush(); !sent) co_return std::unexpected(sent.error());
    auto [error] = co_await socket_.async_wait(Wait::wait_read, kAsTuple);
    if (error) co_return std::unexpected(trouble_of(error));
    if (auto fed = feed(); !fed) co_return std::unexpected(fed.error());
  }
}

Result<bool> Stream::feed() {
  std::array<char, 16384> bytes;
  const ssize_t count = recv(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count > 0) tls_->feed({bytes.data(), static_cast<std::size_t>(count)});
  if (count > 0) return true;
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  return trouble(Kind::broken, count == 0 ? "it ended without saying so" : std::strerror(errno));
}

Task<Result<>> Stream::secure(std::unique_ptr<TlsSession> session) {
  tls_ = std::move(session);
  while (true) {
    const auto done = tls_->shake_hands();
    const auto sent = co_await flushed();  // also why not
    if (!done) co_return std::unexpected(done.error());
    if (!sent || *done) co_return sent;
    auto [error] = co_await socket_.async_wait(Wait::wait_read, kAsTuple);
    if (error) co_return std::unexpected(trouble_of(error));
    if (auto fed = feed(); !fed) co_return std::unexpected(fed.error());
  }
}

Result<> Stream::flush() {
  while (!tls_->sealed().empty()) {
    const std::array pieces = {piece(tls_->sealed())};
    auto count = send_now(pieces);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return {};
    tls_->sent(*count);
  }
  return {};
}

Task<Result<>> Stream::flushed() {
  while (tls_) {
    auto sent = flush();
    if (!sent || tls_->sealed().empty()) co_return sent;
    if (auto ready = co_await writable(); !ready) co_return ready;
  }
  co_return Result<>();
}

// Nothing is sealed unless it can leave at once: what is sealed cannot be taken back, and counts as sent.
Result<std::size_t> Stream::write_now(std::span<const iovec> pieces) {
  if (!tls_) return send_now(pieces);
  if (auto before = flush(); !before) return std::unexpected(before.error());
  pollfd takes{fd(), POLLOUT, 0};
  if (!tls_->sealed().empty() || poll(&takes, 1, 0) != 1) return 0;
  auto count = tls_->seal(pieces);
  if (!count) return count;
  if (auto sent = flush(); !sent) return std::unexpected(sent.error());
  return count;
}

Result<std::size_t> Stream::send_now(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  ssize_t count = sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (count < 0 && errno == EINTR) count = sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EAGAIN) return 0;
  return trouble(Kind::broken, std::strerror(errno));
}

Task<Result<>> Stream::writable() {
  auto [error] = co_await socket_.async_wait(Wait::wait_write, kAsTuple);
  if (error) co_return std::unexpected(trouble_of(error));
  co_return Result<>();
}

bool Stream::has_left(std::span<const iovec> pieces, std::size_t gone) const {
  for (const iovec& piece : pieces) {
    if (gone < piece.iov_len) return true;
    gone -= piece.iov_len;
  }
  return tls_ && !tls_->sealed().empty();
}

Task<Result<>> Stream::write(std::span<iovec> pieces, std::size_t gone) {
  while (true) {
    while (!pieces.empty() && gone >= pieces.front().iov_len) {
      gone -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) co_return co_await flushed();
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + gone;
    pieces.front().iov_len -= gone;
    auto count = write_now(pieces);
    if (!count) co_return std::unexpected(count.error());
    gone = *count;
    if (gone > 0) continue;
    if (auto ready = co_await writable(); !ready) co_return ready;
  }
}

Stream::Quiet Stream::quiet() {
  if (tls_) {
    const auto fed = feed();
    if (tls_->has_more()) return Quiet::spoke;
    return fed && !tls_->ended() ? Quiet::yes : Quiet::gone;
  }
  char byte;
  ssize_t count = recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) return Quiet::spoke;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Quiet::yes : Quiet::gone;
}

void Stream::when_it_stirs(std::function<void()> told) {
  auto stirred = [told = std::move(told), reads = std::weak_ptr(reads_), seen = *reads_](const boost::system::error_code& error) {
    auto begun = reads.lock();
    if (!error && begun && *begun == seen) told();
  };
  socket_.async_wait(Wait::wait_read, std::move(stirred));
}

void Stream::cancel() { (void)socket_.cancel(ignored_); }
void Stream::half_close() {
  if (tls_) {
    tls_->seal_end();
    (void)flush();
  }
  (void)socket_.shutdown(Wait::shutdown_send, ignored_);
}
void Stream::close() { (void)socket_.close(ignored_); }

}  // namespace notaus::net
