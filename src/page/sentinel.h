// page/sentinel.h: the stop that needs no program of ours: `touch STATE/STOP`. Everything on this host is stopped while it stands, by each
// process for itself within a second, and afterwards by a record of this host alone until that is resumed (host/sync.cc places it).
#pragma once

#include <string_view>

#include "page/state_dir.h"

namespace notaus::page {

constexpr std::string_view kSentinelActor = "hint:sentinel";

// Whatever stands there, be it a directory or a broken link. Where that cannot be told, nothing does: the page is missing then, too.
bool sentinel_stands(const StateDir& state);

}  // namespace notaus::page
