// page/entry.h: the call that a slot tells of, for those who judge it from there. Names that did not fit were cut; what of them cannot be
// known counts against the call.
#pragma once

#include "core/snapshot.h"
#include "page/layout.h"

namespace notaus::page {

[[nodiscard]] Call call_of(const Entry& entry);  // views into it

// Would this stop deny a call like that, by the state's catalogue? A cut name is any name that begins so and has that length, if one is known.
[[nodiscard]] bool covers(const core::Stop& stop, const Entry& entry, const core::Snapshot& state);

}  // namespace notaus::page
