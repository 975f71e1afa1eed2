// audit/entry.h: one record as the log holds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace notaus::audit {

// `json` is an object; the log's number and `host`, a JSON text, come in front. What is too long for an entry is cut inside its longest texts, and then
// says so ("cut": true): a record is never refused for what somebody wrote into it. In `into`, which keeps its memory for the next one.
void make_entry(std::string& into, std::uint64_t number, std::string_view host, std::string_view json);

}  // namespace notaus::audit
