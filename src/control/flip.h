// control/flip.h: the stop itself. From the flip on, no guard of this host admits a call in scope; all that follows makes it last, makes
// it everyone's, and tells of it.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "control/departed.h"
#include "control/report.h"
#include "control/stop.h"
#include "host/host.h"

namespace notaus::control {

constexpr auto kLockPatience = std::chrono::milliseconds(50);  // with the page's lock; then the latch

// What a request makes of the stops that stand.
struct Record {
  core::Stop local;  // goes onto the page first
  std::optional<core::Stop> repeats;  // the actor's own stop of this selector and mode, asserted again: never doubled, no toggle

  [[nodiscard]] const core::Stop& named() const { return repeats ? *repeats : local; }
};
Record record_for(const StopRequest& request, const core::State& shown);

enum class Latch { open, set };

struct Flipped {
  Record record;
  core::State shown;  // what the page says since, or would say were it not latched
  std::uint64_t word = 0;  // the page's since; 0: it is latched, which has none
  Latch latch = Latch::open;
  std::uint64_t latch_word = 0;  // once it was set
  Eve eve = {};  // for departed()
  std::vector<page::SeenPoint> points = {};  // see look_around()
};

// Cannot fail: a page that cannot be flipped is latched, with a warning in `report`.
Flipped flip(const host::Site& site, page::Publisher& publisher, const StopRequest& request, Report& report);

// Finds the points, with every call in flight at the flip, of those who are there still and of those who left since. Not under the page's
// lock, nor before anybody is woken: it reads slots, rings and spools.
void look_around(const host::Site& site, Flipped& flipped);

// Once it is stored: has this stop stood all the while? Not if its page was replaced, or its latch lifted (see Publisher::latch).
bool held(page::Publisher& publisher, const Flipped& flipped);

}  // namespace notaus::control
