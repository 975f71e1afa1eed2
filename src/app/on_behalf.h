// app/on_behalf.h: a command that is done for somebody who may not write the state, by the daemon that may.
//
// The conversation: one line of JSON, {"words": ["stop", "--tenant", "acme"]}, as it was typed; then one line back, {"exit", "out", "err"}.
// Who asks is what the kernel says of the socket's other end (SO_PEERCRED), never what he says himself.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/site.h"
#include "base/fd.h"

namespace notaus::app {

constexpr const char* kOnBehalf = "__on_behalf";  // notaus __on_behalf DAEMON, with the client as stdin

[[nodiscard]] std::string control_socket(const page::StateDir& state);
[[nodiscard]] std::optional<uid_t> peer_of(const Fd& client);

// In the process that the doorman starts: reads what is wanted, does it by `run` if this user may, answers.
void serve_on_behalf(pid_t daemon, const std::function<int(std::vector<std::string>)>& run);

void answer_busy(const Fd& client);

// --- the other end ---

// Has this command done if it is one for which the daemon is needed and there: the state is not ours to write, and the socket lets us in. Prints
// what it says; its exit code. None: do it yourself. Costs one system call where that is so.
std::optional<int> ask_daemon(const Common& common, const std::vector<std::string>& words);

// The same for what only the daemon can do. gone: none is there.
int ask_only_daemon(const Common& common, const std::vector<std::string>& words);

}  // namespace notaus::app
