// control/admitted.h: what admission-only points let go lately. Such a call has no slot any more, and nobody will ever say how it ended.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "page/scan.h"

namespace notaus::control {

// A proxy, a hook or whoever asked for it has sent it, or given it up, within this time.
constexpr auto kUnheard = std::chrono::seconds(30);

// Every write that such a point of this host admitted within that time, its outcome unknown: from the rings of `points`, from spools, from
// the log; in this order, which is the way a record takes, so that one on its way is seen at one of them. By the time since boot; of another
// boot, and for what is in the log already, by the wall clock: a clock that is set forward hides from the log what was before.
Result<std::vector<page::SeenCall>> lately_admitted(const page::StateDir& state, const std::vector<page::SeenPoint>& points);

}  // namespace notaus::control
