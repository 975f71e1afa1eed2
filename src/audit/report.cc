#include "audit/report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audit/filter.h"

namespace notaus::audit {
std::string describe(const std::string& line) {
  using Json = nlohmann::json;
  const Json record = record_of(line);
  auto shown = [&](const char* key) {  // as JSON text without its quotes: no byte of it reaches the terminal raw
    std::string quoted = Json(text_in(record, key)).dump(-1, ' ', true, Json::error_handler_t::replace);
    return quoted.substr(1, quoted.size() - 2);
  };
  std::string out = fmt::format("{:>6}  {}  {:14}", number_in(record, "n"), shown("at"), shown("kind"));
  auto add = [&](const char* key, const char* before) {
    if (!text_in(record, key).empty()) out += before + shown(key);
  };
  if (record.contains("selector")) out += "  " + record["selector"].dump(-1, ' ', true, Json::error_handler_t::replace);
  add("tenant", "  ");
  add("agent", "/");
  add("tool", "  ");
  add("mode", "  ");
  add("outcome", "  ");
  add("phase", "  ");
  if (record.contains("count")) out += fmt::format("  x{}", number_in(record, "count"));
  add("id", "  ");
  add("by", "  by ");
  add("reason", "  ");
  return out;
}

std::string time_of(const std::string& line) { return text_in(record_of(line), "at"); }

}  // namespace notaus::audit
