#include "config/keys.h"

#include <utility>

#include "core/state.h"

namespace notaus::config {
namespace {

std::string_view text(Type type) {
  switch (type) {
    case Type::null: return "nothing";
    case Type::text: return "a text";
    case Type::list: return "a list";
    case Type::map: return "a map";
  }
  return "something else";
}

}  // namespace

std::unexpected<Trouble> at(const Yaml& yaml, std::string_view what, Kind kind) {
  return config::at(yaml.line, yaml.column, what, kind);
}

Result<> wrong_type(const Yaml& yaml, std::string_view wanted) {
  return at(yaml, fmt::format("{} is wanted here, not {}", wanted, text(yaml.type)));
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j)
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
  }
  return row.back();
}

Result<> read_text(const Yaml& yaml, std::string& into) {
  if (yaml.type != Type::text) return wrong_type(yaml, "a text");
  into = yaml.text;
  return {};
}

Result<> read_name(const Yaml& yaml, std::string_view what, std::string& into) {
  if (auto read = read_text(yaml, into); !read) return read;
  if (auto sound = core::check_name(what, into); !sound) return at(yaml, sound.error().what);
  return {};
}

}  // namespace notaus::config
