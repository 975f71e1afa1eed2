#include "app/complete.h"

#include <algorithm>
#include <optional>
#include <ranges>

namespace notaus::app {
namespace {

using Rest = Completion::Rest;

// How far the words in front of the cursor have come.
struct Position {
  const CLI::App* command;
  const CLI::Option* value_of = nullptr;  // the next word is its value
  std::size_t positionals = 0;
  bool behind_dashes = false;
  Wanted wanted = {};
};

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* option_named(const CLI::App& command, const std::string& word) {
  return word.starts_with('-') ? command.get_option_no_throw(word) : nullptr;
}

const CLI::App* subcommand_named(const CLI::App& command, const std::string& word) {
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    if (sub->get_name() == word) return sub;
  return nullptr;
}

void note_value(Position& at, const CLI::Option& option, const std::string& value) {
  if (option.get_name() == "--state") at.wanted.state = value;
  if (option.get_name() == "--config") at.wanted.config = value;
}

void pass(Position& at, const std::string& word) {
  if (const CLI::Option* option = std::exchange(at.value_of, nullptr)) return note_value(at, *option, word);
  if (word == "--") at.behind_dashes = true;
  const std::size_t sign = word.find('=');
  if (const CLI::Option* option = option_named(*at.command, word.substr(0, sign)); option != nullptr && takes_value(*option)) {
    if (sign == std::string::npos)
      at.value_of = option;
    else
      note_value(at, *option, word.substr(sign + 1));
  } else if (const CLI::App* sub = subcommand_named(*at.command, word)) {
    at.command = sub;
    at.positionals = 0;
  } else if (!word.starts_with('-')) {
    ++at.positionals;
  }
}

// The positional that stands at the cursor; the last one may be repeated.
const CLI::Option* positional(const Position& at) {
  std::vector<const CLI::Option*> all =
      at.command->get_options([](const CLI::Option* option) { return option->get_positional() && !option->nonpositional(); });
  if (all.empty()) return nullptr;
  if (at.positionals < all.size()) return all[at.positionals];
  return all.back()->get_items_expected_max() > 1 ? all.back() : nullptr;
}

void add_values(Completion& out, const Position& at, const CLI::Option& option, const std::string& before, const Names& names) {
  const std::string kind = option.get_type_name();
  if (kind == "FILE") out.rest = Rest::files;
  if (kind == "DIR") out.rest = Rest::directories;
  if (kind.contains('|'))
    for (auto word : std::views::split(kind, '|')) out.candidates.push_back({before + std::string(std::string_view(word)), ""});
  Wanted wanted = at.wanted;
  const bool effects = kind == "TOOL=EFFECT";
  wanted.kind = effects ? "TOOL" : kind;
  for (const Candidate& name : names(wanted)) {
    if (!effects) out.candidates.push_back({before + name.word, name.what});
    if (effects) out.candidates.insert(out.candidates.end(), {{name.word + "=read", ""}, {name.word + "=write", ""}});
  }
}

void add_options(Completion& out, const CLI::App& command) {
  for (const CLI::Option* option : command.get_options([](const CLI::Option*) { return true; }))
    if (!option->get_lnames().empty() && !option->get_group().empty())
      out.candidates.push_back({"--" + option->get_lnames().front(), option->get_description()});
}

void add_subcommands(Completion& out, const CLI::App& command) {
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_group().empty()) out.candidates.push_back({sub->get_name(), sub->get_description()});
}

Completion offered(const Position& at, const std::string& word, const Names& names) {
  Completion out;
  if (at.behind_dashes) {
    out.rest = Rest::command;
  } else if (at.value_of != nullptr) {
    add_values(out, at, *at.value_of, "", names);
  } else if (word.starts_with('-')) {
    const std::size_t sign = word.find('=');
    const CLI::Option* option = sign == std::string::npos ? nullptr : option_named(*at.command, word.substr(0, sign));
    if (option != nullptr)
      add_values(out, at, *option, word.substr(0, sign + 1), names);
    else
      add_options(out, *at.command);
  } else {
    add_subcommands(out, *at.command);
    if (const CLI::Option* here = positional(at)) add_values(out, at, *here, "", names);
    if (out.candidates.empty() && out.rest == Rest::none) add_options(out, *at.command);
  }
  return out;
}

}  // namespace

Completion complete(const CLI::App& tree, const std::vector<std::string>& words, const Names& names) {
  Position at{.command = &tree};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) pass(at, words[i]);
  const std::string word = words.empty() ? "" : words.back();
  Completion out = offered(at, word, names);
  std::erase_if(out.candidates, [&](const Candidate& each) { return !each.word.starts_with(word); });
  return out;
}

}  // namespace notaus::app
