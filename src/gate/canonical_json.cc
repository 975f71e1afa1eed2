#include "gate/canonical_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

// ECMA-262, Number::toString: the shortest digits that are read back as this double.
void append_number(std::string& out, double number) {
  char buffer[32];
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, std::abs(number), std::chars_format::scientific).ptr;
  const std::string_view text(buffer, end);  // "1.25e-07"
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int point = 0;  // behind so many digits
  std::from_chars(buffer + e + (text[e + 1] == '+' ? 2 : 1), end, point);
  ++point;
  const auto size = static_cast<int>(digits.size());
  if (number < 0) out += '-';
  if (size <= point && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - size), '0');
  } else if (0 < point && point <= 21) {
    out.append(digits, 0, static_cast<std::size_t>(point)).append(".").append(digits, static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    out += digits.front();
    if (size > 1) out.append(".").append(digits, 1);
    out += fmt::format("e{:+}", point - 1);
  }
}

constexpr double kExact = 9007199254740992;  // 2^53: up to there a double holds every integer

bool holds(double number, std::string_view written) {
  const bool integer = written.find_first_of(".eE") == std::string_view::npos;
  return !integer || std::abs(number) < kExact || fmt::format("{:.0f}", number) == written;
}

void append_escaped(std::string& out, std::string_view characters) {
  constexpr std::string_view kShort = "\b\t\n\f\r\"\\", kLetters = "btnfr\"\\";
  for (char c : characters) {
    if (auto known = kShort.find(c); known != std::string_view::npos)
      (out += '\\') += kLetters[known];
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", c);
    else
      out += c;
  }
}

// In order of their UTF-16 units, as ECMAScript sorts: what needs a surrogate pair, four bytes of UTF-8, comes before U+E000 and above.
bool before(std::string_view a, std::string_view b) {
  auto [x, y] = std::ranges::mismatch(a, b);
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  auto rank = [](char byte) {
    const auto lead = static_cast<unsigned char>(byte);
    return lead == 0xEE || lead == 0xEF ? lead + 0x10 : lead;
  };
  return rank(*x) < rank(*y);
}

class Writer {
 public:
  explicit Writer(std::string_view json) : at_(json.data()), end_(at_ + json.size()) { out_.reserve(json.size()); }

  std::string whole() {
    value();
    return std::move(out_);
  }

 private:
  struct Piece {
    std::string key;
    std::size_t begin, end;  // of key and value in out_
  };

  void space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool eat(char c) {
    space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  void value() {
    space();
    if (at_ == end_) return;
    if (*at_ == '{') return object();
    if (*at_ == '[') return array();
    if (*at_ == '"') return string(text());
    word();
  }

  void object() {
    eat('{');
    out_ += '{';
    std::vector<Piece> pieces;
    while (!eat('}') && at_ < end_) {
      if (!pieces.empty()) out_ += ',';
      space();
      const std::string_view key = text();
      const std::size_t begin = out_.size();
      string(key);
      eat(':');
      out_ += ':';
      value();
      pieces.push_back({unescape(key, Halves::kept).value_or(""), begin, out_.size()});
      eat(',');
    }
    if (!std::ranges::is_sorted(pieces, before, &Piece::key)) sort(pieces);
    out_ += '}';
  }

  void sort(std::vector<Piece>& pieces) {
    const std::size_t begin = pieces.front().begin;
    const std::string unsorted = out_.substr(begin);
    std::ranges::sort(pieces,
                      [](const Piece& a, const Piece& b) { return before(a.key, b.key) || (a.key == b.key && a.begin < b.begin); });
    out_.resize(begin);
    for (const Piece& piece : pieces) {
      if (&piece != &pieces.front()) out_ += ',';
      out_.append(unsorted, piece.begin - begin, piece.end - piece.begin);
    }
  }

  void array() {
    eat('[');
    out_ += '[';
    for (bool first = true; !eat(']') && at_ < end_; first = false) {
      if (!first) out_ += ',';
      value();
      eat(',');
    }
    out_ += ']';
  }

  // A string as it is written, with its quotes.
  std::string_view text() {
    const char* begin = at_++;
    while (at_ < end_) {
      at_ += plain_part({at_, end_});
      if (at_ < end_ && *at_ == '"') return {begin, ++at_};
      at_ += std::min<std::ptrdiff_t>(2, end_ - at_);  // what is escaped
    }
    return {begin, end_};
  }

  void string(std::string_view text) {
    if (!text.contains('\\')) {
      out_ += text;
      return;
    }
    out_ += '"';
    append_escaped(out_, unescape(text, Halves::kept).value_or(""));
    out_ += '"';
  }

  // A number, or true, false, null.
  void word() {
    const char* begin = at_;
    while (at_ < end_ && std::string_view(",]} \t\r\n").find(*at_) == std::string_view::npos) ++at_;
    const std::string_view word(begin, at_);
    double number = 0;
    const bool read = std::from_chars(begin, at_, number).ec == std::errc();  // not so: a word, or more than a double can be
    if (read && holds(number, word))
      append_number(out_, number);
    else
      out_ += word;
  }

  const char* at_;
  const char* end_;
  std::string out_;
};

}  // namespace

std::string canonical(std::string_view json) { return Writer(json).whole(); }

}  // namespace notaus::gate
