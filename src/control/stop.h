// control/stop.h: the stop. Nothing in here can refuse it: no lock, no disk, no ledger, no audit; what fails is in the answer.
#pragma once

#include <chrono>
#include <functional>

#include "control/names.h"
#include "control/report.h"
#include "host/host.h"

namespace notaus::control {

enum class Wait { until_confirmed, not_at_all };

struct StopRequest {
  core::Selector selector;
  core::Mode mode = core::Mode::disable_writes;
  std::string reason = {};
  std::string by = {};
  Wait wait = Wait::until_confirmed;
  std::chrono::milliseconds at_most{1000};  // the certain bound, 0 on an embedded ledger, + 1 s
  std::function<void()> placed = {};        // called once this host has stopped, with everything else still to come
};

// `known` are names from the configuration, for "nothing seen matches".
Report stop(const host::Site& site, const StopRequest& request, Names known = {});

// What would this stop, now? Changes nothing. in_flight: the calls it would list; hosts: this one; warnings as stop() would give them.
Report preview(const host::Site& site, const StopRequest& request, Names known = {});

}  // namespace notaus::control
