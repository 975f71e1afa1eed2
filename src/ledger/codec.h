// ledger/codec.h: actions and states as JSON, the form every ledger stores.
#pragma once

#include <string>

#include "core/action.h"

namespace notaus::ledger {

std::string encode(const core::Action& action);
std::string encode(const core::State& state);

// broken: not what encode() writes.
Result<core::Action> decode_action(const std::string& json);
Result<core::State> decode_state(const std::string& json);

}  // namespace notaus::ledger
