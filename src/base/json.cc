#include "base/json.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace notaus {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    std::size_t length = utf8_length(text);
    std::string_view one = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(one.size());
    auto c = static_cast<unsigned char>(one.front());
    if (length == 0) {
      out += "\\ufffd";
    } else if (one == "\"" || one == "\\") {
      (out += '\\') += one;
    } else if (one == "\n") {
      out += "\\n";
    } else if (one.size() == 1 && (c < 0x20 || c == 0x7f)) {
      out += fmt::format("\\u{:04x}", c);
    } else if (one == "\u2028" || one == "\u2029") {
      out += one == "\u2028" ? "\\u2028" : "\\u2029";
    } else {
      out += one;
    }
  }
  return out += '"';
}

std::string shown(std::string_view text) {
  std::string quoted = json_string(text);
  return quoted.substr(1, quoted.size() - 2);
}

JsonLine& JsonLine::raw(std::string_view key, std::string_view json) {
  text_ += text_.empty() ? "{" : ",";
  ((text_ += json_string(key)) += ':') += json;
  return *this;
}

}  // namespace notaus
