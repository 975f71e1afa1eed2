// net/message.h: one HTTP/1.1 message, judged strictly and read in place.
//
// What two parsers could read in two ways is refused, never repaired (RFC 9112 allows both; repairing is how gates were bypassed):
// Content-Length beside Transfer-Encoding, either of them twice, line ends that are no CRLF, folded lines, space before a colon, codings
// other than chunked, chunk extensions and trailers of requests. Boost.Beast's basic_parser reads; we keep views, and refuse more.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace notaus::net {

struct Refusal {
  unsigned status = 0;  // what to answer; 0: nobody is there to be answered
  std::string_view why = {};
};
template <class T = void>
using Judged = std::expected<T, Refusal>;

struct Field {
  std::string_view name, value;
  std::string_view line;  // as it came, with its line end
};

enum class Framing : std::uint8_t { none, length, chunked, until_close };

// Views into the reader's buffer, which hold until its next head.
struct Head {
  std::string_view method, target;  // of a request
  unsigned status = 0;  // of a response
  std::string_view start_line;  // as it came, with its line end
  std::vector<Field> fields = {};
  int minor = 1;  // HTTP/1.x
  Framing framing = Framing::none;
  std::uint64_t length = 0;
  bool keep_alive = true;

  [[nodiscard]] const Field* find(std::string_view name) const;  // the first; names are compared without regard to case
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

[[nodiscard]] bool same_but_for_case(std::string_view a, std::string_view b);  // both are of one length
inline bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || (!a.empty() && ((a.front() ^ b.front()) & ~0x20) != 0)) return false;  // as most are
  return same_but_for_case(a, b);
}

// Is `token` among the comma-separated ones of this field's values?
[[nodiscard]] bool has_token(const Head& head, std::string_view name, std::string_view token);

enum class Side : std::uint8_t { request, response };

// Judges the bytes of one message after another.
class Parser {
 public:
  explicit Parser(Side side);
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  enum class Body : std::uint8_t { as_framed, none };  // none: of a response to HEAD

  void begin(Body body = Body::as_framed);  // the next message

  // The head, once `bytes` hold all of it: how long it is. 0: not yet; next time they are the same bytes at the same place, and more. Views in
  // head() are into `bytes`.
  Judged<std::size_t> take_head(std::string_view bytes);

  // How many of `bytes` are sound bytes of the body; what they carry is put behind `payload`, if one is given. 0: more are needed first.
  Judged<std::size_t> take_body(std::string_view bytes, std::string* payload = nullptr);

  // The peer has closed. Is that where the message ends?
  Judged<> take_end();

  [[nodiscard]] bool done() const;
  [[nodiscard]] const Head& head() const;

 private:
  struct Sinks;
  Side side_;
  std::unique_ptr<Sinks> sinks_;
};

constexpr std::size_t kMostHead = 16 << 10;

}  // namespace notaus::net
