// net/stream.h: bytes to and from one peer, over TCP or a Unix socket.
//
// A write is a sendmsg(2) that the caller sees, not a queue behind his back: whoever must look at something right before a byte leaves
// (gate: "dispatch") looks, then calls write_now().
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <boost/asio/generic/stream_protocol.hpp>

#include "base/result.h"
#include "net/loop.h"
#include "net/tls.h"

namespace notaus::net {

using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;

inline iovec piece(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

class Stream {
 public:
  explicit Stream(Socket socket) : socket_(std::move(socket)) {}

  // From now on what passes is sealed. refused: the peer is not who it should be.
  Task<Result<>> secure(std::unique_ptr<TlsSession> session);
  [[nodiscard]] bool secured() const { return tls_ != nullptr; }
  [[nodiscard]] std::vector<std::string> certified() const { return tls_ ? tls_->certified() : std::vector<std::string>(); }

  // At least one byte. gone: the peer has closed its side; broken: the connection is no more.
  Task<Result<std::size_t>> read_some(std::span<char> into);

  // One sendmsg(2). How much of it has left, or was sealed when the first byte of it did; 0: the peer takes nothing now, see writable().
  Result<std::size_t> write_now(std::span<const iovec> pieces);
  Task<Result<>> writable();

  // All of it but for the first `gone` bytes, however long that takes. Changes `pieces`.
  Task<Result<>> write(std::span<iovec> pieces, std::size_t gone = 0);
  // Is there something to wait for, now that so many of these bytes have gone?
  [[nodiscard]] bool has_left(std::span<const iovec> pieces, std::size_t gone) const;

  // Has the peer closed, or said something that nobody has read? Asks the kernel, waits for nothing.
  enum class Quiet { yes, spoke, gone };
  [[nodiscard]] Quiet quiet();

  // Called once, when the peer has closed or has said something that nobody reads; never after the next read_some() has begun.
  void when_it_stirs(std::function<void()> told);

  void cancel();  // whoever waits here is told `broken`
  void half_close();  // no byte more from us
  void close();

  [[nodiscard]] int fd() { return socket_.native_handle(); }

 private:
  Task<Result<std::size_t>> read_sealed(std::span<char> into);
  Result<std::size_t> send_now(std::span<const iovec> pieces);
  Result<> flush();
  Task<Result<>> flushed();
  Result<bool> feed();  // false: nothing has come

  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  boost::system::error_code ignored_;
  std::shared_ptr<std::uint64_t> reads_ = std::make_shared<std::uint64_t>(0);  // begun so far; gone with the stream
};

}  // namespace notaus::net
