// page/report.h: facts go up: from the ring and the tallies of a slot file into the spool.
#pragma once

#include "page/attachment.h"
#include "page/spool.h"

namespace notaus::page {

// For the owner's watcher. `into` is the spool of this slot file alone: its records say how far the file has been told. What the spool
// cannot take is counted in the slot file and becomes a gap record as soon as it can.
// A ring is emptied as often as it must be; counts of denials are told once a second, or when somebody asks.
enum class Tell { ring, all };
void drain_facts(Attachment& from, Spool& into, Tell what = Tell::all);

}  // namespace notaus::page
