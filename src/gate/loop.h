// gate/loop.h: what every loop of this room needs.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace notaus::gate {

// For poll(2): until the first of these moments, at most a minute; -1 if there is none.
[[nodiscard]] int timeout_ms(std::initializer_list<std::optional<BootTime>> moments, BootTime now);

// Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD, and ignores SIGPIPE; from here on they are read from what is returned, a signalfd(2). Before
// any thread is made, so that all inherit it. `before`: what was blocked.
[[nodiscard]] Fd hear_by_descriptor(sigset_t* before = nullptr);

void note(const std::string& text);  // for the person who reads stderr; nothing if empty

// Says that a command was not started, and returns the status a shell would have: 127 not found, 126 not executable.
int cannot_run(const Trouble& why);

}  // namespace notaus::gate
