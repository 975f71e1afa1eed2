#include "base/clock.h"

#include <cstdio>

#include <fmt/format.h>

namespace notaus {

std::string iso8601(WallTime t) {
  std::time_t seconds = t.ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, t.ms % 1000);
}

std::optional<WallTime> from_iso8601(std::string_view text) {
  std::tm utc{};
  int ms = 0, read = 0;
  const std::string whole(text);
  if (std::sscanf(whole.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour,
                  &utc.tm_min, &utc.tm_sec, &ms, &read) != 7)
    return std::nullopt;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  const WallTime out{timegm(&utc) * 1000 + ms};
  if (iso8601(out) != text) return std::nullopt;  // a sign, a space, a 31st of June, or something behind it
  return out;
}

}  // namespace notaus
