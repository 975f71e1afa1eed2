// config/keys.h: how a map of the file is read: one table of keys, which also answers what is known and what was probably meant.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <notaus/call.hpp>

#include "config/yaml.h"

namespace notaus::config {

using Type = Yaml::Type;

[[nodiscard]] std::unexpected<Trouble> at(const Yaml& yaml, std::string_view what, Kind kind = Kind::refused);
Result<> wrong_type(const Yaml& yaml, std::string_view wanted);

// How many letters must be typed, deleted or replaced to make one the other.
std::size_t distance(std::string_view a, std::string_view b);

Result<> read_text(const Yaml& yaml, std::string& into);
Result<> read_name(const Yaml& yaml, std::string_view what, std::string& into);  // one that a stop can name

template <class T>
struct Key {
  std::string_view name;
  Result<> (*read)(const Yaml& value, T& into);
};

template <class T>
std::string unknown_key(std::string_view name, std::span<const Key<T>> keys) {
  if (name.size() > 64) return "unknown key, longer than any there is";
  auto near = std::ranges::min_element(keys, {}, [&](const Key<T>& key) { return distance(name, key.name); });
  if (distance(name, near->name) <= std::max<std::size_t>(2, name.size() / 3))
    return fmt::format("unknown key `{}`; did you mean `{}`?", name, near->name);
  std::string all;
  for (const auto& key : keys) all += fmt::format("{}{}", all.empty() ? "" : ", ", key.name);
  return fmt::format("unknown key `{}`; there are {}", name, all);
}

template <class T>
Result<> read_map(const Yaml& yaml, T& into, std::span<const Key<T>> keys) {
  if (yaml.type != Type::map) return wrong_type(yaml, "a map");
  for (const auto& [name, line, column, value] : yaml.map) {
    auto known = std::ranges::find(keys, name, &Key<T>::name);
    if (known == keys.end()) return config::at(line, column, unknown_key(name, keys));
    if (auto read = known->read(value, into); !read) return read;
  }
  return {};
}

template <class T>
Result<> read_list(const Yaml& yaml, std::vector<T>& into, Result<> (*read)(const Yaml&, T&)) {
  if (yaml.type != Type::list) return wrong_type(yaml, "a list");
  for (const Yaml& element : yaml.list)
    if (auto done = read(element, into.emplace_back()); !done) return done;
  return {};
}

template <class T>
Result<> read_named(const Yaml& yaml, Result<> (*check)(std::string_view), std::map<std::string, T>& into,
                    Result<> (*read)(const Yaml&, T&)) {
  if (yaml.type != Type::map) return wrong_type(yaml, "a map");
  for (const auto& [name, line, column, value] : yaml.map) {
    if (auto sound = check(name); !sound) return config::at(line, column, sound.error().what);
    if (auto done = read(value, into[name]); !done) return done;
  }
  return {};
}

// One of some words, each standing for a value.
template <class T>
struct Word {
  std::string_view word;
  T value;
};

template <class T, std::size_t N>
Result<> read_word(const Yaml& yaml, T& into, const Word<T> (&words)[N]) {
  std::string all;
  for (const auto& [word, value] : words) {
    all += fmt::format("{}{}", all.empty() ? "" : " or ", word);
    if (yaml.type != Type::text || yaml.text != word) continue;
    into = value;
    return {};
  }
  if (yaml.type != Type::text) return wrong_type(yaml, all);
  return at(yaml, fmt::format("`{}` is none of the values known here: {}", yaml.text, all));
}

constexpr Word<Effect> kEffects[] = {{"read", Effect::read}, {"write", Effect::write}};

template <class T, std::size_t N>
void list_keys(std::vector<std::string>& into, std::string_view prefix, const Key<T> (&keys)[N]) {
  for (const auto& key : keys) into.push_back(fmt::format("{}{}", prefix, key.name));
}

}  // namespace notaus::config
