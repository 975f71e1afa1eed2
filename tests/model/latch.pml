// The latch: stops that stand on it alone, a resume that lifts it, and a page that takes another's place (decisions/0007). Mirrors
// control/flip.cc (set_latch, held) and stop.cc (Stopper), unlatch and publish_stored in control/resume.cc (Lifter), and recover in
// host/create.cc (Recoverer). What a page says is one cell, read and written at once: its halves, and who may publish when, are in
// publishing.pml. Everything that touches a latch is one locked instruction, so there are no store buffers here.

// Ways to break it. Each must be found.
#define LIFT_BLIND 1      // a lift clears whatever the word has become
#define LIFT_LATE 2       // a lift reads the word after what is stored
#define LIFT_UNCOUNTED 3  // a lift is not counted
#define LIFT_UNSAVED 4    // a lift does not put what is stored onto the page
#define KEEP_UNCOUNTED 5  // a stop that is stored looks whether it was lifted, and does not move the word
#define KEEP_EARLY 6      // it does so before it is stored
#define STOP_BLIND 7      // it does not look
#define PAGE_OPEN 8       // a new page is born with an open latch
#define RETIRED_KEEPS 9   // the latch of a retired page keeps a stop

#include "broken.pml"
#define bit(stop) (1 << (stop))
#ifndef LIFTED
#define LIFTED 2
#endif
#ifndef STOPPERS
#define STOPPERS 2
#endif

// Of a page: retired, how many count themselves on the latch, how often it was lifted; a bit of `says` for each stop that it shows.
typedef Page { bool retired; byte count, lifts, says }
Page page[2];
byte here;  // the page at the state's path

byte ledger, file;  // each has a lock of its own and changes at once
byte told;          // what the ledger has heard of
bool lock;          // flock(STATE/lock)

// What is so, whoever knows it: its list is made, and has become too short, since calls in its scope were let through.
bool listed[2], missed[2];
byte claimed;  // its command has ended, and has said that it is stored

#define open_(p) (page[p].count == 0 && !page[p].retired)
inline note_open_to(stop) {
  if
  :: listed[stop] && ((open_(0) && !(page[0].says & bit(stop))) || (here == 1 && open_(1) && !(page[1].says & bit(stop)))) -> missed[stop] = 1
  :: else
  fi
}
inline note_open() { note_open_to(0); note_open_to(1) }

// A stop that was claimed stands: on the latch or on the page.
#define lost(p) (open_(p) && (claimed & ~page[p].says))
proctype Monitor() { d_step { assert(!lost(0) && !(here == 1 && lost(1))) } }

proctype Stopper(byte me) {
  byte at, lifts, shown;
  bool stored, kept;
again:
  !page[here].retired || broken == RETIRED_KEEPS;  // until then it would begin again and again
  d_step {
    stored = 0; kept = 0; listed[me] = 0; missed[me] = 0;
    at = here
  };
  d_step {
    page[at].count++;
    lifts = page[at].lifts;
    kept = !page[at].retired || broken == RETIRED_KEEPS;
    listed[me] = 1;
    note_open()
  };
  shown = page[at].says;
  if
  :: broken == KEEP_EARLY -> d_step { kept = kept && page[at].lifts == lifts; page[at].count = page[at].count + (kept -> 1 : 0) }
  :: else
  fi;
  // Each may fail: a full disk, a broken ledger.
  if
  :: d_step { file = file | shown | bit(me); stored = 1; shown = 0 }
  :: shown = 0
  fi;
  if
  :: d_step { ledger = ledger | bit(me); told = told | bit(me); stored = 1 };
     if
     :: atomic { !lock -> lock = 1 };
        d_step { page[here].says = page[here].says | ledger; note_open(); lock = 0 }
     :: true
     fi
  :: true
  fi;
  d_step {
    if
    :: broken == STOP_BLIND || broken == KEEP_EARLY
    :: else ->
       kept = kept && page[at].lifts == lifts && (!page[at].retired || broken == RETIRED_KEEPS);
       page[at].count = page[at].count + (kept && broken != KEEP_UNCOUNTED -> 1 : 0)
    fi
  };
  if
  :: !kept && broken != STOP_BLIND -> goto again
  :: else
  fi;
  d_step {
    if
    :: stored -> assert(!missed[me]); claimed = claimed | bit(me)
    :: else
    fi;
    listed[me] = 0
  }
}

// `notaus resume latch@host`, as often as somebody wants it.
proctype Lifter() {
  byte count, lifts, seen, done;
end:
  do
  :: done == LIFTED -> break
  :: done < LIFTED && page[here].count ->
     atomic { !lock -> lock = 1 };
     do
     :: d_step { count = page[here].count; lifts = page[here].lifts };
        d_step { if :: broken == LIFT_UNSAVED -> seen = 0 :: else -> seen = file & ~told fi };
        d_step { page[here].says = page[here].says | seen; note_open() };
        d_step { seen = ledger };
        d_step { if :: broken == LIFT_UNSAVED :: else -> page[here].says = page[here].says | seen fi; note_open() };
        if
        :: d_step { broken == LIFT_LATE -> count = page[here].count; lifts = page[here].lifts }
        :: else
        fi;
        d_step {
          seen = 0;
          if
          :: (page[here].count == count && page[here].lifts == lifts) || broken == LIFT_BLIND ->
             page[here].count = 0;
             page[here].lifts = page[here].lifts + (broken == LIFT_UNCOUNTED -> 0 : 1);
             seen = 1;
             note_open()
          :: else
          fi
        };
        if
        :: seen -> break
        :: else
        fi
     od;
     atomic { seen = 0; count = 0; lifts = 0; lock = 0; done++ }
  od
}

// `notaus init --recover`: a new page, that says what the old one and the file do.
proctype Recoverer() {
  byte says, count;
  atomic { !lock -> lock = 1 };
  says = page[here].says;
  d_step { says = says | file };
  d_step { count = page[0].count; page[0].retired = 1 };
  d_step {
    page[1].says = says;
    page[1].count = (count && broken != PAGE_OPEN -> 1 : 0);
    here = 1;
    note_open();
    lock = 0
  }
}

init {
  atomic {
    choose_what_is_broken();
    run Monitor();
    run Stopper(0);
#if STOPPERS > 1
    run Stopper(1);
#endif
    run Lifter();
#ifdef RECOVER
    run Recoverer()
#endif
  }
}
