// control/stop.h: the stop. Nothing in here can refuse it: no lock, no disk, no ledger, no audit; what fails is in the answer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "control/names.h"
#include "control/report.h"
#include "host/host.h"

namespace notaus::control {

enum class Wait { until_confirmed, not_at_all };
enum class Reach { everyone, this_host };  // this_host: --local, on the page and in the durable file alone

struct StopRequest {
  core::Selector selector;
  core::Mode mode = core::Mode::disable_writes;
  std::string reason = {};
  std::string by = {};
  std::optional<std::chrono::milliseconds> grace = {};  // --cancel: calls in flight are to end, by themselves for so long
  Reach reach = Reach::everyone;
  Wait wait = Wait::until_confirmed;
  std::chrono::milliseconds at_most{1000};  // the certain bound, 0 on an embedded ledger, + 1 s
  std::function<void()> placed = {};        // called once this host has stopped, with everything else still to come
};

// With a grace it follows the calls in flight until they have ended or been given up; the points do that whether or not it is still there.
// `known` are names from the configuration, for "nothing seen matches".
Report stop(const host::Site& site, const StopRequest& request, Names known = {});

// What would this stop, now? Changes nothing. in_flight: the calls it would list; hosts: this one; warnings as stop() would give them.
Report preview(const host::Site& site, const StopRequest& request, Names known = {});

}  // namespace notaus::control
