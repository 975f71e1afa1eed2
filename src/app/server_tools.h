// app/server_tools.h: what a server says of its own tools.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/site.h"
#include "control/hints.h"

namespace notaus::app {

// The command of a server in the configuration's servers:, and its environment put into ours.
Result<std::vector<std::string>> configured_command(const Place& place, const std::string& server);

// Starts the server, asks for its tools as a client would, page by page, and ends it. Bounded in time and memory; a list that is no
// list is Kind::broken, and nothing of it is used.
Result<std::vector<control::Hint>> ask_for_tools(const std::vector<std::string>& command, std::chrono::milliseconds patience);

}  // namespace notaus::app
