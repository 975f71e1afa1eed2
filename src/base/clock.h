// base/clock.h: two kinds of time that cannot be mixed.
#pragma once

#include <ctime>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace notaus {

// Nanoseconds of CLOCK_BOOTTIME. Permits and deadlines use it: MONOTONIC and COARSE skip suspends.
struct BootTime {
  std::int64_t ns = 0;
  auto operator<=>(const BootTime&) const = default;
};

// Milliseconds since 1970. For people and the audit log only: nothing is decided by it, so a clock set back changes nothing.
struct WallTime {
  std::int64_t ms = 0;
  auto operator<=>(const WallTime&) const = default;
};

inline BootTime boot_now() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return {t.tv_sec * 1'000'000'000 + t.tv_nsec};
}

inline WallTime wall_now() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {t.tv_sec * 1'000 + t.tv_nsec / 1'000'000};
}

// One moment on both clocks, as records keep it: the second one never goes back while this kernel runs.
struct Moment {
  WallTime wall;
  BootTime up;
};

inline Moment moment_now() { return {wall_now(), boot_now()}; }

std::string iso8601(WallTime t);  // "2026-11-22T03:12:07.123Z"
std::optional<WallTime> from_iso8601(std::string_view text);  // of exactly that form

}  // namespace notaus
