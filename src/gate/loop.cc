#include "gate/loop.h"

#include <sys/signalfd.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"

namespace notaus::gate {

int timeout_ms(std::initializer_list<std::optional<BootTime>> moments, BootTime now) {
  std::int64_t ms = -1;
  for (const auto& at : moments) {
    if (!at) continue;
    std::int64_t left = std::clamp<std::int64_t>((at->ns - now.ns) / 1'000'000 + 1, 0, 60'000);
    ms = ms < 0 ? left : std::min(ms, left);
  }
  return static_cast<int>(ms);
}

Fd hear_by_descriptor(sigset_t* before) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, before);
  signal(SIGPIPE, SIG_IGN);
  return Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void note(const std::string& text) {
  if (!text.empty()) std::fprintf(stderr, "notaus: %s\n", shown(text).c_str());
}

int cannot_run(const Trouble& why) {
  note("cannot run " + why.what);
  return why.kind == Kind::gone ? 127 : 126;
}

}  // namespace notaus::gate
