// page/test_process.h: a process at its page as Point makes it, without Point's thread. Included by tests alone.
#pragma once

#include "page/attachment.h"

namespace notaus::page {

// At its end its owner lock goes and its slot file stays: to others it was killed.
struct Process {
  explicit Process(const StateDir& state)
      : attachment(LivePage::open(state, Access::read).value(), Slots::create(state, {"test", "", ""}, 1).value(), witness, &alive,
                   state) {}

  bool run(const Call& call) {
    Admission admission = attachment.admit(call, 1);
    if (!admission) return false;
    admission.permit().done(Outcome::done);
    return true;
  }

  Witness witness;
  bool alive = true;
  Attachment attachment;
};

}  // namespace notaus::page
