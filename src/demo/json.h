// demo/json.h: JSON as the demo's processes speak it.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace notaus::demo {

using Json = nlohmann::ordered_json;

// One line; bytes that are no UTF-8 are replaced.
inline std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace notaus::demo
