// base/json.h: writes one JSON object on one line, for the paths that must not allocate a document: spools and gates.
//
// Any bytes become valid JSON: what is not UTF-8 is replaced by U+FFFD, and control characters, U+2028, U+2029 and DEL are escaped,
// so a hostile name can neither end the line nor start a second field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace notaus {

std::string json_string(std::string_view text);  // with its quotes
std::string shown(std::string_view text);  // without them: what a stranger wrote, safe to print on a terminal

class JsonLine {
 public:
  JsonLine& field(std::string_view key, std::string_view text) { return raw(key, json_string(text)); }
  JsonLine& field(std::string_view key, const char* text) { return field(key, std::string_view(text)); }
  JsonLine& field(std::string_view key, std::int64_t number) { return raw(key, std::to_string(number)); }
  JsonLine& field(std::string_view key, std::uint64_t number) { return raw(key, std::to_string(number)); }
  JsonLine& raw(std::string_view key, std::string_view json);  // `json` is already JSON

  [[nodiscard]] std::string text() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  std::string text_;
};

}  // namespace notaus
