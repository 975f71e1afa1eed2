// control/drain.h: follows calls in flight to their end. It ends none of them: that is `notaus stop --cancel`.
#pragma once

#include <chrono>
#include <functional>

#include "control/report.h"
#include "host/host.h"

namespace notaus::control {

struct Drained {
  int exit = kFailed;  // kDone: none is in flight; kCallsRemain: some are, or a point could not be read
  std::string state_dir;
  std::vector<InFlight> calls;  // each that was seen in flight, and how it ended; running: it has not
  std::size_t remaining = 0;
  bool complete = true;  // every point could be read
  double elapsed_ms = 0;
  std::vector<std::string> warnings;
};

struct DrainRequest {
  core::Selector selector = {};  // given fields must match, as a stop's do
  std::chrono::milliseconds timeout{30'000};
  std::function<void(std::size_t remaining)> progress = {};  // when the number changes
};

// Until no call in scope is in flight, or the timeout. Calls that begin meanwhile are waited for, too.
Drained drain(const host::Site& site, const DrainRequest& request);

// Until all of these calls have ended, or the deadline; sets their outcomes.
void follow(const host::Site& site, std::vector<InFlight>& calls, std::chrono::steady_clock::time_point deadline);

// A point gives a call up a second after it asked for its end; this much later at the latest it has said so.
constexpr auto kGivenUpBy = std::chrono::milliseconds(1500);

}  // namespace notaus::control
