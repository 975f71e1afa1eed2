// notaus: the one command. What can be typed is in cli.h, what it does behind commands.h.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "app/cli.h"
#include "app/complete.h"
#include "app/man_page.h"
#include "app/on_behalf.h"
#include "app/print.h"
#include "base/fd.h"
#include "control/report.h"

namespace {

using namespace notaus;
using namespace notaus::app;

int parse_and_run(CLI::App& app, Line& line, int argc, char** argv) {
  if (argc == 1) {
    say_as_is(stderr, app.get_description() + "\nsee: notaus --help\n");
    return control::kUsage;
  }
  int ours = 1;
  while (ours < argc && std::string_view(argv[ours]) != "--") ++ours;
  for (int i = ours + 1; i < argc; ++i) line.command.emplace_back(argv[i]);
  try {
    app.parse(ours, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& wrong) {
    CLI::App* asked = &app;
    std::string path = "notaus";
    while (!asked->get_subcommands().empty()) path += " " + (asked = asked->get_subcommands().front())->get_name();
    const bool unknown = asked == &app && ours > 1 && argv[1][0] != '-';
    say_to(stderr, "notaus: {}\nsee: {} --help\n", unknown ? fmt::format("there is no command {}", argv[1]) : wrong.what(), path);
    return control::kUsage;
  }
  if (auto answer = ask_daemon(line.common, {argv + 1, argv + ours})) return *answer;
  return line.run();
}

// One command more, for another user.
void run_on_behalf(const char* daemon) {
  serve_on_behalf(std::atoi(daemon), [](std::vector<std::string> words) {
    words.insert(words.begin(), "notaus");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    Line line;
    const auto tree = command_tree(line, argv[1]);
    return parse_and_run(*tree, line, static_cast<int>(words.size()), argv.data());
  });
}

// Does this command do nothing else? Of the others the exit code tells what they have done, whether or not that could be printed.
bool tells(std::string_view command) {
  constexpr std::string_view kTell[] = {"status", "check", "doctor", "audit", "config", "drain", "demo"};
  return std::ranges::find(kTell, command) != std::end(kTell);
}

// What shells and packagers ask, and nobody types.
std::optional<int> told_about_itself(const CLI::App& tree, const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  if (words[0] == "__complete") return complete_command(tree, {words.begin() + 1, words.end()});
  if (words[0] != "__man") return std::nullopt;
  say_as_is(stdout, man_page(tree, words.size() > 1 ? words[1] : ""));
  return control::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  if (argc == 3 && std::string_view(argv[1]) == kOnBehalf) {
    run_on_behalf(argv[2]);
    _exit(0);
  }
  Line line;
  auto tree = command_tree(line, argc > 1 ? argv[1] : "");
  auto told = told_about_itself(*tree, {argv + 1, argv + argc});
  int code = control::kFailed;
  try {
    code = told ? *told : parse_and_run(*tree, line, argc, argv);
  } catch (const std::exception& trouble) {  // no memory, or no thread
    say_to(stderr, "notaus: {}\n", trouble.what());
  }
  if (!said() && code == control::kDone && tells(argc > 1 ? argv[1] : "")) code = control::kFailed;
  // Not exit(): a thread that hangs on a dead disk must not keep the answer from the operator.
  _exit(code);
}
