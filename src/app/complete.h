// app/complete.h: what may stand at the cursor of a line that begins with `notaus`. The tree of commands is the only source; the shells'
// own parts, in packaging/completions, only ask.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace notaus::app {

struct Candidate {
  std::string word, what;

  bool operator==(const Candidate&) const = default;
};

struct Completion {
  enum class Rest : std::uint8_t { none, files, directories, command };

  std::vector<Candidate> candidates = {};
  Rest rest = Rest::none;  // what else a shell may offer by itself
};

// Names of one kind (TENANT, AGENT, TOOL, STOP, SERVER), in the state and configuration that the line names.
struct Wanted {
  std::string kind, state, config;
};
using Names = std::function<std::vector<Candidate>(const Wanted&)>;

// `words` are those behind `notaus`, the last being the one at the cursor, perhaps empty.
Completion complete(const CLI::App& tree, const std::vector<std::string>& words, const Names& names);

// From the live state: reads the page, the slots and log/names; makes nothing, locks nothing, asks no ledger.
std::vector<Candidate> seen_names(const Wanted& wanted);

// Prints one candidate a line, a tab before its meaning, and last `:files`, `:directories`, `:command` or `:none`. What the shells call.
int complete_command(const CLI::App& tree, const std::vector<std::string>& words);

}  // namespace notaus::app
