// notaus-gate: the part of `notaus mcp` that stays: small, and no database in it. `notaus mcp` has read the configuration, found
// the state and made sure of its live page, and becomes this program by exec.
//
//   notaus-gate mcp --state DIR [--tenant T] [--agent A] [--server NAME] -- COMMAND [ARGUMENT…]
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <notaus/guard.hpp>

#include "gate/child.h"
#include "gate/stdio.h"

namespace {

using namespace notaus;

struct Arguments {
  std::string state, tenant = "default", agent, server;
  std::vector<std::string> command;
};

int usage(const std::string& what) {
  std::fprintf(stderr,
               "notaus: %s\nusage: notaus-gate mcp --state DIR [--tenant T] [--agent A] [--server NAME] -- COMMAND [ARGUMENT...]\n",
               what.c_str());
  return 2;
}

std::string* flag(Arguments& arguments, std::string_view name) {
  if (name == "--state") return &arguments.state;
  if (name == "--tenant") return &arguments.tenant;
  if (name == "--agent") return &arguments.agent;
  if (name == "--server") return &arguments.server;
  return nullptr;
}

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  std::size_t at = 1;
  if (words.empty() || words[0] != "mcp") return trouble(Kind::refused, "expected: mcp");
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

Fd signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);  // before any thread is made, so that all inherit it
  signal(SIGPIPE, SIG_IGN);
  return Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int mcp(const Arguments& arguments) {
  Fd signalled = signals();
  Fd changed(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  auto child = gate::spawn(arguments.command);
  if (!child) {
    std::fprintf(stderr, "notaus: cannot run %s\n", child.error().what.c_str());
    return child.error().kind == Kind::gone ? 127 : 126;
  }
  auto wake = [fd = changed.get()] { eventfd_write(fd, 1); };
  std::string_view program = arguments.command[0];
  program.remove_prefix(program.rfind('/') + 1);  // npos + 1 is 0
  std::string name = "mcp:" + (arguments.server.empty() ? std::string(program) : arguments.server);
  Guard guard = Guard::open(
      {.state = arguments.state, .tenant = arguments.tenant, .agent = arguments.agent, .name = name, .on_change = wake});
  if (std::string trouble = guard.trouble(); !trouble.empty()) std::fprintf(stderr, "notaus: %s\n", trouble.c_str());
  gate::Stdio loop(guard, std::move(*child), {.signals = signalled.get(), .changed = changed.get()});
  return loop.run();
}

}  // namespace

int main(int count, char** words) {
  auto arguments = parse({words + 1, words + count});
  return arguments ? mcp(*arguments) : usage(arguments.error().what);
}
