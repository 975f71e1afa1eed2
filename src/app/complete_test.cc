#include "app/complete.h"

#include <gtest/gtest.h>

#include <sstream>

#include "app/cli.h"

namespace notaus::app {
namespace {

// "stop --tenant |": the words, the last one being at the cursor.
std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line.substr(0, line.find('|')));
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  if (line.contains(" |") || line == "|") out.emplace_back();
  return out;
}

std::vector<Candidate> known(const Wanted& wanted) {
  if (wanted.kind == "TENANT") return {{"acme" + wanted.state, ""}, {"globex", ""}};
  if (wanted.kind == "STOP") return {{"k3j2", "tenant=acme"}};
  if (wanted.kind == "TOOL") return {{"crm.find", ""}};
  return {};
}

TEST(Complete, WhatMayStandAtTheCursor) {
  using Rest = Completion::Rest;
  struct Row {
    const char* line;
    std::vector<std::string> offered;
    Rest rest = Rest::none;
  } rows[] = {
      {"st|", {"stop", "status"}},
      {"tools |", {"list", "approve"}},
      {"stop --ten|", {"--tenant"}},
      {"stop --tenant |", {"acme", "globex"}},
      {"stop --tenant a|", {"acme"}},
      {"stop --tenant=g|", {"--tenant=globex"}},
      {"stop --state /s --tenant a|", {"acme/s"}},
      {"stop --state=/t --tenant a|", {"acme/t"}},
      {"stop --mode |", {"disable_writes", "stop_all"}},
      {"stop --state |", {}, Rest::directories},
      {"stop --config |", {}, Rest::files},
      {"stop --reason |", {}},
      {"resume |", {"k3j2"}},
      {"resume k3j2 --rea|", {"--reason"}},
      {"resume --tenant acme |", {"k3j2"}},
      {"tools approve crm|", {"crm.find=read", "crm.find=write"}},
      {"tools approve crm.find=read crm.find=w|", {"crm.find=write"}},
      {"mcp |", {"install", "uninstall"}},
      {"mcp install a.json |", {}, Rest::files},
      {"mcp --tenant acme -- np|", {}, Rest::command},
      {"demo-|", {}},  // what nobody types
      {"nonsense st|", {"stop", "status"}},
  };
  Line line;
  auto tree = command_tree(line);
  for (const Row& row : rows) {
    const Completion out = complete(*tree, words(row.line), known);
    std::vector<std::string> offered;
    for (const Candidate& each : out.candidates) offered.push_back(each.word);
    EXPECT_EQ(offered, row.offered) << row.line;
    EXPECT_EQ(out.rest, row.rest) << row.line;
  }
}

}  // namespace
}  // namespace notaus::app
