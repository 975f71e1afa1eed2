// page/report.h: facts go up: from the ring and the tallies of a slot file into the spool.
#pragma once

#include "page/attachment.h"
#include "page/spool.h"

namespace notaus::page {

// For the owner's watcher. What the spool cannot take is counted in the slot file and becomes a gap record as soon as it can.
void drain_facts(Attachment& from, Spool& into);

}  // namespace notaus::page
