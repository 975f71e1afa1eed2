// base/test_within.h: for what another thread or process does in its own time. Included by tests alone.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace notaus {

// Does it come to hold? As soon as it does; twenty seconds are the end of all patience, and decide nothing.
inline bool within(const std::function<bool()>& holds) {
  using Clock = std::chrono::steady_clock;
  for (auto end = Clock::now() + std::chrono::seconds(20); Clock::now() < end;
       std::this_thread::sleep_for(std::chrono::milliseconds(2)))
    if (holds()) return true;
  return false;
}

}  // namespace notaus
