#include "base/clock.h"

#include <fmt/format.h>

namespace notaus {

std::string iso8601(WallTime t) {
  std::time_t seconds = t.ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, t.ms % 1000);
}

}  // namespace notaus
