// audit/entry.h: one record as the log holds it.
#pragma once

#include <cstdint>
#include <string>

namespace notaus::audit {

// `json` is an object; the log's number and host come in front. What is too long for an entry is cut inside its longest texts, and then
// says so ("cut": true): a record is never refused for what somebody wrote into it.
std::string make_entry(std::uint64_t number, const std::string& host, const std::string& json);

}  // namespace notaus::audit
