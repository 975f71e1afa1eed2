#include "gate/strict_json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/ascii.h"
#include "base/utf8.h"

namespace notaus::gate {
namespace {

constexpr std::array<bool, 256> kPlain = [] {  // may stand in a string as it is
  std::array<bool, 256> plain{};
  for (unsigned c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

constexpr std::array<bool, 256> kEscapes = [] {  // may stand behind a backslash
  std::array<bool, 256> escapes{};
  for (char c : std::string_view("\"\\/bfnrt")) escapes[static_cast<unsigned char>(c)] = true;
  return escapes;
}();

// How many of sixteen bytes come before the first that may not stand in a string as it is. With the compiler's vectors: SSE2, NEON.
std::size_t plain_of_16(const char* at) {
  static_assert(std::endian::native == std::endian::little);
  using Bytes [[gnu::vector_size(16)]] = unsigned char;
  Bytes bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  const auto odd = (bytes < 0x20) | (bytes >= 0x80) | (bytes == '"') | (bytes == '\\');
  std::uint64_t halves[2];
  std::memcpy(halves, &odd, sizeof halves);
  const int zeros = halves[0] != 0 ? std::countr_zero(halves[0]) : 64 + std::countr_zero(halves[1]);
  return static_cast<std::size_t>(zeros) / 8;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

constexpr std::size_t kUsualMembers = 6;

class Walk {
 public:
  explicit Walk(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool one_object(Members& top) {
    space();
    if (!object(&top)) return false;
    space();
    return at_ == end_ || fail("bytes behind the end of the message");
  }
  [[nodiscard]] const char* fault() const { return fault_; }

 private:
  bool fail(const char* fault) {
    if (fault_ == nullptr) fault_ = fault;
    return false;
  }
  [[nodiscard]] char peek() const { return at_ < end_ ? *at_ : '\0'; }  // a NUL byte is nothing JSON allows, so no marker is needed
  bool eat(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }

  bool value(Members* into) {
    switch (peek()) {
      case '{': return object(into);
      case '[': return array();
      case '"': return string();
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return number();
    }
  }

  bool object(Members* into) {
    if (!eat('{')) return fail("not an object");
    if (++depth_ > kMaxDepth) return fail("nested deeper than 64");
    space();
    if (into != nullptr) into->list.reserve(kUsualMembers);
    if (!eat('}')) {
      do {
        if (!member(into)) return false;
      } while (eat(','));
      if (!eat('}')) return fail("not JSON: expected , or }");
    }
    --depth_;
    return true;
  }

  bool member(Members* into) {
    space();
    const char* key_begin = at_;
    if (peek() != '"') return fail("not JSON: expected a key");
    if (!string()) return false;
    std::string_view key(key_begin, at_);
    space();
    if (!eat(':')) return fail("not JSON: expected :");
    space();
    if (into == nullptr) {
      if (!value(nullptr)) return false;
    } else if (!keep(*into, key)) {
      return false;
    }
    space();
    return true;
  }

  bool keep(Members& into, std::string_view key) {
    if (into.list.size() == kMaxMembers) return fail("too many keys in the envelope");
    auto name = unescape(key);
    if (!name) return fail("a key with a lone surrogate");
    Members* inner = *name == into.inner_key ? into.inner : nullptr;
    const char* begin = at_;
    if (!value(inner)) return false;
    into.list.push_back({std::move(*name), std::string_view(begin, at_)});
    return true;
  }

  bool array() {
    eat('[');
    if (++depth_ > kMaxDepth) return fail("nested deeper than 64");
    space();
    if (!eat(']')) {
      do {
        space();
        if (!value(nullptr)) return false;
        space();
      } while (eat(','));
      if (!eat(']')) return fail("not JSON: expected , or ]");
    }
    --depth_;
    return true;
  }

  bool string() {
    if (!eat('"')) return fail("not JSON: expected a string");
    while (true) {
      for (std::size_t plain = 16; plain == 16 && end_ - at_ >= 16; at_ += plain) plain = plain_of_16(at_);
      while (at_ < end_ && kPlain[static_cast<unsigned char>(*at_)]) ++at_;
      if (at_ == end_) return fail("not JSON: a string does not end");
      if (eat('"')) return true;
      if (!(*at_ == '\\' ? escape() : character())) return false;
    }
  }

  bool escape() {
    ++at_;
    char c = peek();
    if (c == 'u') return hex4();
    if (!kEscapes[static_cast<unsigned char>(c)]) return fail("not JSON: unknown escape");
    ++at_;
    return true;
  }

  bool hex4() {
    if (end_ - at_ < 5) return fail("not JSON: a string does not end");
    for (int i = 1; i <= 4; ++i)
      if (!is_hex(at_[i])) return fail("not JSON: unknown escape");
    at_ += 5;
    return true;
  }

  bool character() {
    std::size_t length = utf8_length({at_, end_});
    if (length == 0) return fail("not UTF-8");
    if (static_cast<unsigned char>(*at_) < 0x20) return fail("not JSON: a control character in a string");
    at_ += length;
    return true;
  }

  bool number() {
    eat('-');
    if (!eat('0') && !digits()) return fail("not JSON: expected a value");
    if (eat('.') && !digits()) return fail("not JSON: a number without digits");
    if (eat('e') || eat('E')) {
      if (!eat('+')) eat('-');
      if (!digits()) return fail("not JSON: a number without digits");
    }
    return true;
  }

  bool digits() {
    const char* begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ > begin;
  }

  bool literal(std::string_view word) {
    if (!std::string_view(at_, end_).starts_with(word)) return fail("not JSON: expected a value");
    at_ += word.size();
    return true;
  }

  const char* at_;
  const char* end_;
  const char* fault_ = nullptr;
  int depth_ = 0;
};

constexpr unsigned kNoUnit = 0x10000;

// The UTF-16 unit of the \uXXXX that `text` begins with, or kNoUnit.
unsigned unit_of(std::string_view text) {
  if (text.size() < 6 || !text.starts_with("\\u")) return kNoUnit;
  unsigned value = 0;
  for (char c : text.substr(2, 4)) {
    if (!is_hex(c)) return kNoUnit;
    value = value * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

void append_utf8(std::string& out, unsigned point) {
  auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// `text` begins with \u; takes it, and the second half of a pair. False: it is none, or half a pair and those are refused.
bool take_unicode(std::string_view& text, std::string& out, Halves halves) {
  unsigned point = unit_of(text);
  if (point == kNoUnit) return false;
  text.remove_prefix(6);
  if (const unsigned low = is_high(point) ? unit_of(text) : kNoUnit; is_low(low)) {
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    text.remove_prefix(6);
  }
  if (halves == Halves::refused && (is_high(point) || is_low(point))) return false;
  append_utf8(out, point);
  return true;
}

char simple_escape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;  // " \ /
  }
}

std::string without_odd_letters(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = text.starts_with("\u017F") ? 2 : text.starts_with("\u212A") ? 3 : 1;
    out += length == 2 ? 's' : length == 3 ? 'k' : text.front();
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string_view Members::find(std::string_view key) const {
  for (const Member& member : list)
    if (member.key == key) return member.value;
  return {};
}

Result<> read_object(std::string_view text, Members& top) {
  if (text.starts_with("\xEF\xBB\xBF")) return trouble(Kind::refused, "a byte order mark");
  Walk walk(text);
  if (!walk.one_object(top)) return trouble(Kind::refused, walk.fault());
  return {};
}

// In pieces, or each of many escapes would look for the same far quote.
std::size_t plain_part(std::string_view bytes) {
  constexpr std::size_t kPiece = 512;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    std::string_view piece = bytes.substr(at, kPiece);
    const std::size_t quote = piece.find('"');
    const std::size_t special = std::min(quote, piece.substr(0, quote).find('\\'));
    if (special != std::string_view::npos) return at + special;
  }
  return bytes.size();
}

std::optional<std::string> unescape(std::string_view json, Halves halves) {
  if (json.size() < 2 || json.front() != '"' || json.back() != '"') return std::nullopt;
  std::string_view text = json.substr(1, json.size() - 2);
  if (!text.contains('\\')) return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (text.size() < 2) return std::nullopt;
    if (text[1] == 'u') {
      if (!take_unicode(text, out, halves)) return std::nullopt;
    } else {
      out += simple_escape(text[1]);
      text.remove_prefix(2);
    }
  }
  return out;
}

bool is_folded(std::string_view key) {
  return std::ranges::all_of(key, [](char c) { return c >= 0 && (c < 'A' || c > 'Z'); });
}

std::string fold(std::string_view key) {
  std::string out(key);
  bool ascii = true;
  for (char& c : out) {
    if (c < 0) ascii = false;
    c = lower(c);
  }
  return ascii ? out : without_odd_letters(out);
}

}  // namespace notaus::gate
