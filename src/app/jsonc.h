// app/jsonc.h: where the values of a JSON text stand, so that some can be replaced while every other byte stays as it is.
//
// Reads what editors' configurations are written in: JSON with comments, commas before a closing bracket and a byte order mark. What
// it finds keeps its place in the text; nothing is ever written from it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace notaus::app::jsonc {

struct Value {
  enum class Kind : std::uint8_t { object, array, string, other };

  Kind kind = Kind::other;
  std::size_t begin = 0, end = 0;
  std::string string = {};  // unescaped
  std::vector<Value> items = {};  // of an array or object
  std::string key = {};  // in an object
  std::size_t key_begin = 0;

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
  [[nodiscard]] const Value* find(std::string_view wanted) const;  // of an object; else nothing
};

// broken: "3:14: expected a comma". A key that stands twice in one object is broken, too: readers differ on which one counts.
Result<Value> parse(std::string_view text);

// "3:14", counted from 1, in bytes.
std::string place(std::string_view text, std::size_t at);

struct Edit {
  std::size_t begin, end;
  std::string text;
};
std::string spliced(std::string_view text, std::vector<Edit> edits);  // in any order; they do not overlap

}  // namespace notaus::app::jsonc
