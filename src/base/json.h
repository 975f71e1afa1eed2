// base/json.h: writes one JSON object on one line, for the paths that must not allocate a document: spools and gates.
//
// Any bytes become valid JSON: what is not UTF-8 is replaced by U+FFFD, and what a terminal or a browser obeys is escaped, so a hostile
// name can neither end the line, nor start a second field, nor change how the rest of it looks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace notaus {

std::string json_string(std::string_view text);  // with its quotes
std::string shown(std::string_view text);  // without them: what a stranger wrote, safe to print on a terminal

// The same, but quotes and backslashes stand as they are: for text that is JSON already, or that nobody will parse. What is escaped are
// control characters, also those of U+0080 to U+009F, what ends a line, what turns the direction of writing, and tags, which nobody sees.
std::string harmless(std::string_view text);

// The text that begins behind a quote, as it is written; nothing: it does not end. Moves `at` behind its end.
std::optional<std::string_view> quoted(std::string_view json, std::size_t& at);

// Calls take(depth, key, text) for each text in one line that JsonLine wrote, as it is written there: 1 is the depth of the line's own fields.
// Whoever else writes such lines puts no space behind a key. Stops where a text does not end.
template <class Take>
void each_text(std::string_view json, Take take) {
  std::string_view key;
  int depth = 0;
  std::size_t behind = 0;
  for (std::size_t at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    for (char c : json.substr(behind, at - behind)) depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    auto text = quoted(json, ++at);
    if (!text) return;
    if (at < json.size() && json[at] == ':')
      key = *text;
    else
      take(depth, key, *text);
    behind = at;
  }
}

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
