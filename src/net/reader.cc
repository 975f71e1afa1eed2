#include "net/reader.h"

#include <cstring>

namespace notaus::net {

// What is here moves to the front, or to where the head ends.
void Reader::compact(std::size_t front) {
  std::memmove(buffer_.get() + front, buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_ - front;
  begin_ = front;
}

Judged<> Reader::filled(const Result<std::size_t>& count) {
  if (count) {
    end_ += *count;
    received_ += *count;
    return {};
  }
  const bool ends = count.error().kind == Kind::gone && begun_ && !parser_.done();
  if (ends && parser_.head().status != 0 && parser_.head().framing == Framing::until_close) return parser_.take_end();
  return std::unexpected(Refusal{0, begun_ && !parser_.done() ? "the connection ended amid a message" : "closed"});
}

Task<Judged<const Head*>> Reader::head(Parser::Body body) {
  parser_.begin(body);
  begun_ = begin_ < end_;
  head_ = 0;
  compact(0);  // so that the longest head fits
  while (true) {
    if (begin_ < end_) {
      auto taken = parser_.take_head(here());
      if (!taken) co_return std::unexpected(taken.error());
      if (*taken > 0) {
        begin_ = head_ = *taken;
        begun_ = true;
        co_return &parser_.head();
      }
      begun_ = true;
    }
    if (end_ == kRoom) co_return std::unexpected(Refusal{431, "the head is longer than 16 KiB"});
    if (auto more = filled(co_await stream_->read_some(room())); !more) co_return std::unexpected(more.error());
  }
}

Judged<std::string_view> Reader::body_here(Form form) {
  const bool chunked = parser_.head().framing == Framing::chunked;
  carried_.clear();
  auto taken = parser_.take_body(here(), form == Form::carried && chunked ? &carried_ : nullptr);
  if (!taken) return std::unexpected(taken.error());
  std::string_view framed = here().substr(0, *taken);
  begin_ += *taken;
  return form == Form::carried && chunked ? std::string_view(carried_) : framed;
}

Task<Judged<std::string_view>> Reader::body(Form form) {
  while (!parser_.done()) {
    auto piece = body_here(form);
    if (!piece || !piece->empty() || parser_.done()) co_return piece;
    if (begin_ == end_ || end_ == kRoom) compact(head_);
    if (end_ == kRoom) co_return std::unexpected(Refusal{400, "a chunk's head longer than the buffer"});
    if (auto more = filled(co_await stream_->read_some(room())); !more) co_return std::unexpected(more.error());
  }
  co_return std::string_view();
}

Task<Judged<>> Reader::whole_body(std::string& into, std::size_t most) {
  const Head& head = parser_.head();
  if (head.framing == Framing::length && head.length > most) co_return std::unexpected(Refusal{413, "the body is too long"});
  while (!parser_.done()) {
    auto piece = co_await body(Form::carried);
    if (!piece) co_return std::unexpected(piece.error());
    if (into.size() + piece->size() > most) co_return std::unexpected(Refusal{413, "the body is too long"});
    into += *piece;
  }
  co_return Judged<>();
}

}  // namespace notaus::net
