#include "demo/voice.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

namespace notaus::demo {
namespace {

constexpr std::size_t kWidth = 96;

// Not fmt::print, which throws when nobody reads any more.
void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

bool wants_bold() {
  const char* none = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (none == nullptr || none[0] == '\0');
}

}  // namespace

Voice::Voice(Output output) : silent_(output == Output::json), bold_(wants_bold()) {}

void Voice::say(std::string_view text) {
  if (!silent_) put(fmt::format("{}\n", text));
}

void Voice::heading(std::string_view text) { say(bold_ ? fmt::format("\n\033[1m{}\033[0m", text) : fmt::format("\n{}", text)); }

void Voice::moment(double seconds, std::string_view text) { say(fmt::format("{:5.1f} s  {}", seconds, text)); }

void Voice::typed(std::string_view command) {
  say(bold_ ? fmt::format("\n  \033[1m$ {}\033[0m", command) : fmt::format("\n  $ {}", command));
}

void Voice::quote(std::string_view output) {
  std::istringstream lines{std::string(output)};
  for (std::string line; std::getline(lines, line);)
    for (const std::string& part : wrapped(line, kWidth)) say("  | " + part);
}

std::vector<std::string> wrapped(std::string_view line, std::size_t width) {
  std::vector<std::string> out;
  std::string indent;
  while (line.size() + indent.size() > width) {
    std::size_t text = line.find_first_not_of(' ');
    std::size_t space = line.rfind(' ', width - indent.size());
    if (space == std::string_view::npos || text == std::string_view::npos || space <= text) break;
    out.push_back(indent + std::string(line.substr(0, line.find_last_not_of(' ', space) + 1)));
    line.remove_prefix(space + 1);
    indent = "    ";
  }
  out.push_back(indent + std::string(line));
  return out;
}

}  // namespace notaus::demo
