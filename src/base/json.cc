#include "base/json.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/utf8.h"

namespace notaus {
namespace {

char32_t code_point(std::string_view one) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(one[i]); };
  if (one.size() == 1) return byte(0);
  char32_t code = byte(0) & (0x7f >> one.size());
  for (std::size_t i = 1; i < one.size(); ++i) code = code << 6 | (byte(i) & 0x3f);
  return code;
}

bool obeyed(char32_t code) {
  auto in = [&](char32_t first, char32_t last) { return code >= first && code <= last; };
  return code < 0x20 || in(0x7f, 0x9f) || code == 0x61c || in(0x200e, 0x200f) || in(0x2028, 0x202e) || in(0x2066, 0x2069) ||
         code == 0xfeff || in(0xe0000, 0xe007f);
}

void escape(std::string& out, char32_t code) {
  if (code == '\n')
    out += "\\n";
  else if (code < 0x10000)
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(code));
  else
    out +=
        fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + static_cast<unsigned>(code >> 10), 0xdc00 + static_cast<unsigned>(code & 0x3ff));
}

enum class Quotes { kept, escaped };
std::string escaped(std::string_view text, Quotes quotes) {
  std::string out;
  while (!text.empty()) {
    const auto odd = std::ranges::find_if(text, [](char c) { return c < 0x20 || c > 0x7e || c == '"' || c == '\\'; });
    const auto plain = static_cast<std::size_t>(odd - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = utf8_length(text);
    const std::string_view one = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(one.size());
    if (length == 0)
      out += "\\ufffd";
    else if (obeyed(code_point(one)))
      escape(out, code_point(one));
    else if (quotes == Quotes::escaped && (one == "\"" || one == "\\"))
      (out += '\\') += one;
    else
      out += one;
  }
  return out;
}

}  // namespace

std::string json_string(std::string_view text) { return '"' + escaped(text, Quotes::escaped) + '"'; }

std::string shown(std::string_view text) { return escaped(text, Quotes::escaped); }

std::string harmless(std::string_view text) { return escaped(text, Quotes::kept); }

std::optional<std::string_view> quoted(std::string_view json, std::size_t& at) {
  const std::size_t from = at;
  for (std::size_t end = json.find('"', from); end != std::string_view::npos; end = json.find('"', end + 1)) {
    std::size_t escapes = 0;
    while (end - escapes > from && json[end - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 != 0) continue;
    at = end + 1;
    return json.substr(from, end - from);
  }
  return std::nullopt;
}

JsonLine& JsonLine::raw(std::string_view key, std::string_view json) {
  text_ += text_.empty() ? "{" : ",";
  ((text_ += json_string(key)) += ':') += json;
  return *this;
}

}  // namespace notaus
