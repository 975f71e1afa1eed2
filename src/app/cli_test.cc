#include "app/cli.h"

#include <gtest/gtest.h>

namespace notaus::app {
namespace {

std::string help_of(const CLI::App& tree, const std::string& command) { return tree.get_subcommand(command)->help("notaus"); }

TEST(CommandTree, OfACommandThatWasTypedIsTheSameAsOfAll) {
  Line line;
  auto all = command_tree(line);
  auto commands = [](const CLI::App& tree) { return tree.get_subcommands([](const CLI::App*) { return true; }); };
  ASSERT_GT(commands(*all).size(), 15u);
  for (const CLI::App* sub : commands(*all)) {
    auto own = command_tree(line, sub->get_name());
    EXPECT_LT(commands(*own).size(), 5u) << sub->get_name();
    EXPECT_EQ(help_of(*own, sub->get_name()), help_of(*all, sub->get_name()));
  }
  for (const char* unknown : {"", "sto", "--help"}) EXPECT_EQ(commands(*command_tree(line, unknown)).size(), commands(*all).size());
}

}  // namespace
}  // namespace notaus::app
