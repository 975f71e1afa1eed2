#include "net/stream.h"

#include <sys/socket.h>

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
  auto [error, count] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), kAsTuple);
  if (error) co_return std::unexpected(trouble_of(error));
  co_return count;
}

Result<std::size_t> Stream::write_now(std::span<const iovec> pieces) {
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

Task<Result<>> Stream::write(std::span<iovec> pieces, std::size_t gone) {
  while (true) {
    while (!pieces.empty() && gone >= pieces.front().iov_len) {
      gone -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) co_return Result<>();
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
void Stream::half_close() { (void)socket_.shutdown(Wait::shutdown_send, ignored_); }
void Stream::close() { (void)socket_.close(ignored_); }

}  // namespace notaus::net
