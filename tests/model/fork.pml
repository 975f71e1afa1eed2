// A process that forks at any step of a call, and may be killed: its slots, the lock that says who owns them, and what a stop then says of
// its calls. Mirrors page/point.cc (atfork, attach_in_child), page/slots.cc (create, close_in_child), the flags that MADV_WIPEONFORK clears,
// and owned() in page/scan.cc. A slot is claimed and seen in the order of admission.pml; here claim and read are two steps all the same.

// Ways to break it. Each must be found.
#define KEEPS_LOCK 1    // the child keeps what the owner lock is on: a descriptor, or a mapping made through it
#define NOT_WIPED 2     // it ends its parent's calls, whose Permits it has copies of
#define NOT_ATTACHED 3  // it claims in its parent's slots for calls of its own
#define LOCK_LATE 4     // a slot file has its name before it has its owner lock

#include "broken.pml"
#define BEFORE 1  // the word before the stop
#define AFTER 2   // the stop's
byte word = BEFORE;

// Two slot files, the parent's and the child's; in each, who has claimed a slot.
#define PARENT 0
#define CHILD 1
#define bit(who) (1 << (who))
typedef File { bool there, held_by_parent, held_by_child; byte taken }
File file[2];
#define owned(f) (file[f].held_by_parent || file[f].held_by_child)

// What is so, whoever knows it.
bool dead[2];
bool handled;     // the child is past its atfork handler
bool running[2];  // a call of each, admitted and not ended
byte slot_of[2];  // where it stands

inline admit(where) {
  d_step { file[where].taken = file[where].taken | bit(me) };
  if
  :: d_step { word == BEFORE -> running[me] = 1; slot_of[me] = where }
  :: d_step { word == AFTER -> file[where].taken = file[where].taken & ~bit(me) }
  fi
}

// kill -9: the kernel closes what it had open.
inline die() { d_step { dead[me] = 1; running[me] = 0; if :: me == PARENT -> file[0].held_by_parent = 0 :: else -> file[0].held_by_child = 0; file[1].held_by_child = 0 fi } }

proctype Parent(byte me) {
  {
    admit(PARENT);
    if
    :: running[me] -> d_step { file[PARENT].taken = file[PARENT].taken & ~bit(me); running[me] = 0 }
    :: true  // in flight for as long as the model runs
    fi
  } unless { dead[me] }
}

proctype Child(byte me) {
  // A copy of everything, taken at this moment; not a lock of its own, but a descriptor of the same open file.
  bool alive, parents_call;
  d_step {
    file[PARENT].held_by_child = !dead[PARENT];
    parents_call = running[PARENT];
    alive = broken == NOT_WIPED  // of the parent's slots; the kernel clears it before the first instruction
  };
  d_step {
    if
    :: broken == KEEPS_LOCK
    :: else -> file[PARENT].held_by_child = 0
    fi;
    handled = 1
  };
  {
    if
    :: d_step { alive && parents_call -> file[PARENT].taken = file[PARENT].taken & ~bit(PARENT) }
    :: else
    fi;
    if
    :: broken == NOT_ATTACHED -> admit(PARENT)
    :: else ->
       if
       :: broken == LOCK_LATE -> file[CHILD].there = 1; admit(CHILD); file[CHILD].held_by_child = 1
       :: else -> d_step { file[CHILD].held_by_child = 1; file[CHILD].there = 1 }; admit(CHILD)
       fi
    fi;
    if
    :: running[me] -> d_step { file[slot_of[me]].taken = file[slot_of[me]].taken & ~bit(me); running[me] = 0 }
    :: true
    fi
  } unless { dead[me] }
}

// At any time one of them may be killed; the parent may be dead before its child has run at all.
proctype Killer() {
  byte me;
  if
  :: me = PARENT
  :: me = CHILD; handled
  fi;
  if
  :: die()
  :: true
  fi
}

// What stop says: each call that was in flight at the flip, and of each whether it is running.
proctype Stopper() {
  bool needed[2], was_owned[2];
  byte seen;
  d_step { word = AFTER; needed[0] = running[0]; needed[1] = running[1] };
  byte at;
  do
  :: at < 2 ->
     was_owned[at] = owned(at);
     d_step { seen = seen | (file[at].there -> file[at].taken : 0); at++ }
  :: else -> break
  od;
  at = 0;
  d_step {
    // A call may end, or be ended by a kill, between flip and scan: the ring tells of it (ended.pml).
    assert(!(needed[0] && running[0]) || (seen & bit(0)));
    assert(!(needed[1] && running[1]) || (seen & bit(1)));
    // Whoever runs is not given out as dead, and whoever is dead is not given out as running for ever.
    assert(!(needed[0] && running[0]) || was_owned[slot_of[0]]);
    assert(!(needed[1] && running[1]) || was_owned[slot_of[1]])
  }
}

proctype Monitor() {
  d_step {
    // In the end, with the child past its handler.
    assert(!(dead[PARENT] && handled && owned(PARENT)));
    assert(!running[PARENT] || (file[PARENT].taken & bit(PARENT)))
  }
}

init {
  atomic {
    choose_what_is_broken();
    file[PARENT].there = 1;
    file[PARENT].held_by_parent = 1;
    run Monitor();
    run Parent(PARENT);
    run Child(CHILD);
    run Killer();
    run Stopper()
  }
}
