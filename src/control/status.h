// control/status.h: what stands, who is guarded, what is in flight, and whether this setup would hold.
#pragma once

#include <optional>

#include "control/hunt.h"
#include "control/report.h"
#include "host/host.h"

namespace notaus::control {

struct Status {
  host::View view;
  bool latched = false;
  std::vector<page::SeenPoint> points;
  HostRow host;
  std::size_t in_flight = 0;
  std::uint64_t denied = 0, lost_denials = 0, in_doubt = 0;  // since the log began, as it has them: see Cursor
  std::vector<std::string> warnings;
};

// Rebuilds the page if there is none, brings page and ledger together, and drains what there is to drain.
Result<Status> status(const host::Site& site);

// What a call would be answered, asked of the live page as a guard would; rebuilds nothing. Trouble: never.
struct Check {
  bool allowed;
  std::string reason, stop, help;
  std::uint64_t revision;
};
Check check(const host::Site& site, const Call& call);

// One thing that would keep a stop from holding, and what to do about it.
struct Finding {
  std::string what, remedy;
};
std::vector<Finding> doctor(const host::Site& site);

// The assumptions of the promise, as printed by `status --assumptions`.
std::vector<std::string> assumptions(const host::Site& site);

}  // namespace notaus::control
