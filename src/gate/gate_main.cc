// notaus-gate: the part of `notaus mcp` and `notaus run` that stays: small, and no database in it. They have read the configuration, found
// the state and made sure of its live page, and become this program by exec.
//
//   notaus-gate mcp --state DIR [--tenant T] [--agent A] [--server NAME] -- COMMAND [ARGUMENT…]
//   notaus-gate run --state DIR [--tenant T] [--agent A] [--tool NAME] -- COMMAND [ARGUMENT…]
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <notaus/guard.hpp>

#include "gate/child.h"
#include "gate/heir.h"
#include "gate/loop.h"
#include "gate/run.h"
#include "gate/stdio.h"

namespace {

using namespace notaus;

struct Arguments {
  std::string mode, state, tenant = "default", agent, server, tool;
  std::vector<std::string> command;
};

int usage(const std::string& what) {
  std::fprintf(
      stderr,
      "notaus: %s\nusage: notaus-gate mcp|run --state DIR [--tenant T] [--agent A] [--server NAME | --tool NAME] -- COMMAND "
      "[ARGUMENT...]\n",
      what.c_str());
  return 2;
}

std::string* flag(Arguments& arguments, std::string_view name) {
  if (name == "--state") return &arguments.state;
  if (name == "--tenant") return &arguments.tenant;
  if (name == "--agent") return &arguments.agent;
  if (name == "--server" && arguments.mode == "mcp") return &arguments.server;
  if (name == "--tool" && arguments.mode == "run") return &arguments.tool;
  return nullptr;
}

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  std::size_t at = 1;
  if (words.empty() || (words[0] != "mcp" && words[0] != "run")) return trouble(Kind::refused, "expected: mcp or run");
  arguments.mode = words[0];
  while (at < words.size() && words[at] != "--") {
    std::string* value = flag(arguments, words[at]);
    if (value == nullptr) return trouble(Kind::refused, "unknown argument: " + words[at]);
    if (at + 1 == words.size()) return trouble(Kind::refused, words[at] + " needs a value");
    *value = words[at + 1];
    at += 2;
  }
  if (!arguments.state.starts_with('/')) return trouble(Kind::refused, "--state needs an absolute directory");
  if (at + 1 >= words.size()) return trouble(Kind::refused, "no command behind --");
  arguments.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
  return arguments;
}

// "mcp:crm", "run:mailer": how status and the log name this process.
std::string name_of(const Arguments& arguments) {
  std::string_view program = arguments.command[0];
  program.remove_prefix(program.rfind('/') + 1);  // npos + 1 is 0
  return arguments.mode + ":" + (arguments.server.empty() ? std::string(program) : arguments.server);
}

Guard open_guard(const Arguments& arguments, const Fd& changed) {
  auto wake = [fd = changed.get()] { eventfd_write(fd, 1); };
  Guard guard = Guard::open({.state = arguments.state,
                             .tenant = arguments.tenant,
                             .agent = arguments.agent,
                             .name = name_of(arguments),
                             .on_change = wake});
  if (std::string trouble = guard.trouble(); !trouble.empty()) std::fprintf(stderr, "notaus: %s\n", trouble.c_str());
  return guard;
}

int mcp(const Arguments& arguments) {
  const auto heir = gate::Heir::make();  // before the child and its orphans are ours
  if (!heir) return gate::cannot_run(heir.error());
  Fd signalled = gate::hear_by_descriptor();
  Fd changed(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  gate::adopt_orphans();
  auto child = gate::spawn(arguments.command, [&heir] { heir->write_down_self(); });  // before there is another thread
  if (!child) return gate::cannot_run(child.error());
  const pid_t group = child->pid;
  Guard guard = open_guard(arguments, changed);
  gate::Stdio loop(guard, std::move(*child), {.signals = signalled.get(), .changed = changed.get()});
  const int status = loop.run();
  heir->strike_out(group);
  return status;
}

int run(const Arguments& arguments) {
  Fd signalled = gate::hear_by_descriptor();
  Fd changed(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Guard guard = open_guard(arguments, changed);
  gate::Run run(guard, {arguments.tool, arguments.command, signalled.get(), changed.get()});
  return run.run();
}

}  // namespace

int main(int count, char** words) {
  fill_standard_streams();
  auto arguments = parse({words + 1, words + count});
  if (!arguments) return usage(arguments.error().what);
  return arguments->mode == "mcp" ? mcp(*arguments) : run(*arguments);
}
