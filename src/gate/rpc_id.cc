#include "gate/rpc_id.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

constexpr std::size_t kMaxDigits = 20;       // any 64-bit integer, signed or not
constexpr double kExact = 9007199254740992;  // 2^53: up to here a double is one integer

std::optional<std::string> number_key(std::string_view json) {
  if (json.find_first_not_of("0123456789", json.front() == '-' ? 1 : 0) == std::string_view::npos) {
    if (json == "-" || json.size() > kMaxDigits) return std::nullopt;
    return std::string(json == "-0" ? "0" : json);
  }
  if (json.size() > kMaxDigits || json.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  std::string text(json);
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || std::abs(value) > kExact || value != std::floor(value)) return std::nullopt;
  return std::to_string(static_cast<std::int64_t>(value));
}

}  // namespace

std::optional<std::string> id_key(std::string_view json) {
  if (json.empty()) return std::nullopt;
  if (json.front() != '"') return number_key(json);
  auto text = unescape(json);
  if (!text) return std::nullopt;
  return '"' + *text;  // no number begins with a quote
}

}  // namespace notaus::gate
