// app/gate_policy.h: from the configuration to what the HTTP gate goes by.
#pragma once

#include <memory>

#include "app/site.h"
#include "gate/policy.h"

namespace notaus::app {

// Trouble names the key, and never what a ${…} in it became.
Result<std::shared_ptr<const gate::Policy>> gate_policy(const config::Config& config, const config::Environment& environment);

Result<gate::Command> command_of(const config::Server& server, const config::Environment& environment);

}  // namespace notaus::app
