// control/departed.h: processes that left in order between a flip and the look at the slots that followed it, often because of the flip.
// Their slot files are gone, and with them the calls that the flip found in flight; their spools still tell of those.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "page/scan.h"

namespace notaus::control {

// Who was there right before a flip.
struct Eve {
  std::vector<std::string> processes;  // sorted
  WallTime at;
};
Eve eve_of(const page::StateDir& state);

// Whoever was there on the eve, or came since, and is not among `seen`: not alive, with `left` set, and with each call that was in flight
// at the flip and has ended. Clocks go by milliseconds, so one that ended in the millisecond before the flip is listed, too.
std::vector<page::SeenPoint> departed(const page::StateDir& state, const Eve& eve, const std::vector<page::SeenPoint>& seen);

}  // namespace notaus::control
