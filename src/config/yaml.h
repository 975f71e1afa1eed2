// config/yaml.h: a YAML document as a tree that remembers where everything stood.
//
// Stricter than YAML: one document, no aliases or tags, no key twice, keys are plain text. So a file means to us what it seems to
// mean to its reader, and no small file unfolds into a large tree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace notaus::config {

struct Yaml {
  enum class Type { null, text, list, map };
  struct Key;

  Type type = Type::null;
  bool quoted = false;         // a text that stood in quotes is never a number
  std::string text;            // of a text
  std::vector<Yaml> list;      // of a list
  std::vector<Key> map;        // of a map, in the file's order
  std::size_t line = 1, column = 1;

  [[nodiscard]] const Key* find(std::string_view key) const;
};

struct Yaml::Key {
  std::string name;
  std::size_t line = 1, column = 1;
  Yaml value;
};

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::size_t kMostDepth = 16;

// Refused: "3:7: what is wrong there", line and column from 1.
Result<Yaml> parse_yaml(std::string_view text);

[[nodiscard]] std::unexpected<Trouble> at(std::size_t line, std::size_t column, std::string_view what, Kind kind = Kind::refused);

}  // namespace notaus::config
