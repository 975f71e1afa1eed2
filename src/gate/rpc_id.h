// gate/rpc_id.h: when two JSON-RPC ids are the same id.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace notaus::gate {

// One text for all spellings of an id: 1, 1.0 and 1e0 are 1 (servers echo the value, not the spelling), "1" is another id. Nothing
// for what may be no id: null, a fraction, an object, an integer that a double cannot hold written as one.
[[nodiscard]] std::optional<std::string> id_key(std::string_view json);

}  // namespace notaus::gate
