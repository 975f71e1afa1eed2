#include "app/become_gate.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "app/print.h"

namespace notaus::app {
namespace {

std::string gate_path() {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "notaus-gate").string();
}

}  // namespace

void prepare(const Place& place) {
  const auto waiting = propose_tools(place);
  auto view = host::sync(place.site, std::chrono::milliseconds(1000));
  if (!view) warn({view.error().what});
  if (view && !view->warning.empty()) warn({view->warning});
  for (const std::string& key : idle_keys(place.config))
    warn({fmt::format("{}: `{}` has no effect in this version", place.config_path, key)});
  if (!waiting.empty())
    warn({fmt::format("{} tool(s) are proposed as read and count as write until approved: notaus tools approve", waiting.size())});
}

int become_gate(const Place& place, const GateFlags& gate, const std::vector<std::string>& command) {
  std::vector<std::string> words = {"notaus-gate", gate.mode, "--state", place.site.state.path};
  for (const auto& [flag, value] : gate.flags)
    if (!value.empty()) words.insert(words.end(), {flag, value});
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string program = gate_path();
  execv(program.c_str(), argv.data());
  return fail(os_trouble(program, errno).in("cannot start the gate"));
}

}  // namespace notaus::app
