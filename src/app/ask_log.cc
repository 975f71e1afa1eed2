#include "app/ask_log.h"

#include <fmt/format.h>

#include "app/print.h"

namespace notaus::app {

Result<std::string> time_of(const char* flag, const std::string& text) {
  if (text.empty() || text.find('-') != std::string::npos) return text;
  std::int64_t number = 0;
  std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || digits > 9 || digits + 1 != text.size())
    return trouble(Kind::refused, fmt::format("{} {}: expected 90s, 10m, 2h, 3d, or a time like 2026-11-22T03:00:00Z", flag, text));
  number = std::stoll(text.substr(0, digits));
  constexpr std::string_view kUnits = "smhd";
  constexpr std::int64_t kSeconds[] = {1, 60, 3600, 86400};
  std::size_t unit = kUnits.find(text[digits]);
  if (unit == std::string_view::npos) return trouble(Kind::refused, fmt::format("{} {}: the unit is s, m, h or d", flag, text));
  return iso8601({wall_now().ms - number * kSeconds[unit] * 1000});
}

Result<audit::Search> fresh_log(const Place& place) {
  if (auto drained = host::drain(place.site, std::chrono::milliseconds(1000)); !drained && drained.error().kind != Kind::retry)
    warn({"the log is not up to date: " + drained.error().what});
  return audit::Search::open(place.site.state.log());
}

}  // namespace notaus::app
