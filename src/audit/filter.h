// audit/filter.h: which records are meant. What a record does not have matches nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace notaus::audit {

struct Filter {
  std::string since = {}, until = {};  // ISO 8601, from and before; text order is time order
  std::string tenant = {}, agent = {};  // of the call, or of a stop's selector
  std::string tool = {};  // the same; "crm.*": all that begin so
  std::string kind = {};
  std::string reason = {};  // the whole of it, or up to a colon: "killed: writes_disabled"
  std::string stop = {};    // records of this stop, and the calls it denied
  bool admission_only = false;  // calls whose end no one hears of, and nothing else
};

// False: it does not match, as its text shows before anything is parsed.
bool may_match(std::string_view line, const Filter& filter);

bool matches(const nlohmann::json& record, const Filter& filter);

nlohmann::json record_of(std::string_view line);  // of what is no JSON object, one without fields

// Of a record's or a selector's field; empty: it has no such text.
std::string text_in(const nlohmann::json& object, const char* key);
std::uint64_t number_in(const nlohmann::json& object, const char* key);  // 0: it has none

// Does `reason` stand in `whole`, up to a colon or its end?
bool begins_reason(std::string_view whole, std::string_view reason);

}  // namespace notaus::audit
