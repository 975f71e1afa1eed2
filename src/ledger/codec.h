// ledger/codec.h: actions, stops and the rest of a state as JSON, the form every ledger stores.
#pragma once

#include <string>

#include "core/action.h"

namespace notaus::ledger {

std::string encode(const core::Action& action);
std::string encode(const core::Stop& stop);
std::string encode_rest(const core::State& state);  // all but its stops

// broken: not what is written above.
Result<core::Action> decode_action(const std::string& json);
Result<core::Stop> decode_stop(const std::string& json);
Result<core::State> decode_rest(const std::string& json);

}  // namespace notaus::ledger
