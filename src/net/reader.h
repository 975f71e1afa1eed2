// net/reader.h: one message after another from a stream, through one buffer that is never reallocated.
//
// Memory: 20 KiB of address space, of which only what a message needs is ever touched. A head stays where it is until the next begins; the
// bodies behind it pass by in pieces.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/message.h"
#include "net/stream.h"

namespace notaus::net {

class Reader {
 public:
  Reader(Stream& stream, Side side) : stream_(&stream), parser_(side) {}

  // The next message's head. status 0: the peer has closed between two messages, or the connection broke.
  Task<Judged<const Head*>> head(Parser::Body body = Parser::Body::as_framed);

  // The next piece of its body, at least one byte unless it has ended. `framed`: as it came, chunk sizes and all; `carried`: what that
  // means. The view holds until the next call.
  enum class Form : std::uint8_t { framed, carried };
  Task<Judged<std::string_view>> body(Form form);

  // All of it, behind `into`; 413 if it carries more than `most`.
  Task<Judged<>> whole_body(std::string& into, std::size_t most);

  // What of the body is here already, without waiting for more.
  Judged<std::string_view> body_here(Form form);

  [[nodiscard]] bool body_done() const { return parser_.done(); }
  [[nodiscard]] const Head& last_head() const { return parser_.head(); }
  [[nodiscard]] bool between_messages() const { return !begun_ || parser_.done(); }
  [[nodiscard]] bool more_here() const { return begin_ < end_; }  // bytes that nobody has asked for
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  static constexpr std::size_t kRoom = kMostHead + (4 << 10);  // the longest head leaves some for the body behind it

  [[nodiscard]] std::span<char> room() { return {buffer_.get() + end_, kRoom - end_}; }
  Judged<> filled(const Result<std::size_t>& count);  // so many bytes have come into the room
  [[nodiscard]] std::string_view here() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void compact(std::size_t front);

  Stream* stream_;
  Parser parser_;
  std::unique_ptr<char[]> buffer_{new char[kRoom]};  // not zeroed: untouched pages cost nothing
  std::string carried_;
  std::size_t begin_ = 0, end_ = 0, head_ = 0;
  std::uint64_t received_ = 0;
  bool begun_ = false;
};

}  // namespace notaus::net
