// Calls that end while a stop looks: slot, ring and `missed` against the scan. GUARDS threads of one process run a call each; one
// publisher places a stop and makes its list. The page is one word here; how it is read is in admission.pml.
//
// Without store buffers: from its claim on a guard loads one thing, the word when it ends, and that behind an exchange; a buffer would
// delay its stores and not change their order.

// RING: cells of the ring, 512 in the product. OLDER: how many facts of before the flip show that it has not turned over, 32 there. That
// must be more than there are threads that come late with theirs, having read the word before the flip: LATE of them, here.

// Ways to break it. Each must be found.
#define END_UNSEEN 1      // a read that ended under another word leaves no record
#define END_WORD_EARLY 2  // the word at a call's end is read before the call has ended
#define FREE_FIRST 3      // the slot is free before the record is in the ring
#define MISSED_LATE 4     // that the ring was full is told after the slot is free
#define MISSED_BACK 5     // a slower thread tells an earlier word that found the ring full
#define NO_RING 6         // the scan does not look at the ring
#define RING_FIRST 7      // the scan reads the ring before the slots
#define NO_MISSED 8       // the scan does not look at `missed`
#define NO_TURNOVER 9     // the scan does not ask whether the ring has turned over
#define ONE_OLDER 12      // or is content with one fact of before, which a late thread may have written
#define OVER_A_READER 10  // a cell is written over while its turn still names the fact before
#define TURN_FIRST 11     // a cell's turn is written before the fact

#define WORD 0
#define HEAD 1
#define MISSED 2
#define TURN(at) (3 + (at) % RING)
#define FACT(at) (3 + RING + (at) % RING)
#define SLOT(guard) (3 + 2 * RING + (guard))
#define CELLS (3 + 2 * RING + GUARDS)
#include "broken.pml"
byte memory[CELLS];
byte i;

#define BEFORE 1  // the word before the stop
#define AFTER 2   // the stop's
#define FREE 0
#define ACTIVE 1
#define DONE 2

// A cell: who ended, and whether under the stop's word (Cell::word) though admitted before it (Cell::entry.word).
#define NOBODY 0  // a denial, or a call of long ago
#define fact(who, ended) ((who) * 4 + (ended))

// What is so, whoever knows it.
bool running[GUARDS];  // it was admitted, and has not ended
bool needed[GUARDS];   // it must be on the list
bool listed[GUARDS];
bool complete = true;  // what the list says of itself

// Slots::push. Whether there is room depends on how far the watcher has come with the spool: it may be either.
inline push(what) {
  if
  :: no_room = 1
  :: d_step {
       // The watcher passes no cell that is still being written.
       memory[HEAD] < RING || memory[TURN(memory[HEAD])] == memory[HEAD] + 1 - RING ->
       position = memory[HEAD];
       memory[HEAD] = position + 1
     }
  fi;
  if
  :: no_room
  :: else ->
     if
     :: broken == OVER_A_READER
     :: broken == TURN_FIRST -> memory[TURN(position)] = position + 1
     :: else -> memory[TURN(position)] = 0
     fi;
     memory[FACT(position)] = what;
     memory[TURN(position)] = position + 1
  fi;
  position = 0
}
inline tell_missed() {
  if
  :: broken == MISSED_BACK -> memory[MISSED] = ended
  :: else -> d_step { if :: memory[MISSED] < ended -> memory[MISSED] = ended :: else fi }
  fi
}

// Attachment::admit and finish.
proctype Guard(byte me) {
  byte word, ended, position;
  bool no_room, writes;
  memory[SLOT(me)] = ACTIVE;
  d_step { word = memory[WORD]; running[me] = word == BEFORE };
  if
  :: word == AFTER -> push(fact(NOBODY, AFTER))
  :: else ->
     if
     :: writes = 1
#if GUARDS < 3
     :: writes = 0
#endif
     fi
  fi;
  if
  :: broken == END_WORD_EARLY -> ended = memory[WORD]
  :: else
  fi;
  d_step { memory[SLOT(me)] = DONE; running[me] = 0 };
  if
  :: broken == END_WORD_EARLY
  :: else ->
     atomic {
       ended = memory[WORD];
       if
       :: ended == BEFORE && me >= LATE -> // not late: what it has to tell is in the ring before any flip
          if
          :: writes -> push(fact(me + 1, ended))
          :: else
          fi;
          goto over
       :: else
       fi
     }
  fi;
  if
  :: broken == FREE_FIRST -> memory[SLOT(me)] = FREE
  :: else
  fi;
  if
  :: word == BEFORE && (writes || ended != word) && !(broken == END_UNSEEN && !writes) ->
     push(fact(me + 1, ended));
     if
     :: no_room && broken == MISSED_LATE -> memory[SLOT(me)] = FREE; tell_missed()
     :: no_room && broken != MISSED_LATE -> tell_missed()
     :: else
     fi
  :: else
  fi;
over:
  memory[SLOT(me)] = FREE
}

inline flip() {
  d_step {
    memory[WORD] = AFTER;
    i = 0;
    do
    :: i < GUARDS -> needed[i] = running[i]; i++
    :: else -> break
    od;
    i = 0
  }
}

// read_call(): the slot is read again behind the entry, so that a call is not listed by another's names. A slot is used once here.
inline scan_slots() {
  at = 0;
  do
  :: at < GUARDS -> d_step { listed[at] = listed[at] || memory[SLOT(at)] != FREE; at++ }
  :: else -> break
  od;
  at = 0
}

// just_ended().
inline scan_ring() {
  head = memory[HEAD];
  complete = complete && (broken == NO_MISSED || memory[MISSED] < AFTER);
  at = head;
  do
  :: at > 0 && head - at < RING ->
     at--;
     // read_cell() reads a cell twice and takes it if both are equal: one reading, at one time.
     d_step {
       if
       :: memory[TURN(at)] != at + 1
       :: memory[TURN(at)] == at + 1 && memory[FACT(at)] % 4 == BEFORE -> older++
       :: memory[TURN(at)] == at + 1 && memory[FACT(at)] % 4 == AFTER ->
          if
          :: memory[FACT(at)] / 4 != NOBODY -> listed[memory[FACT(at)] / 4 - 1] = 1
          :: else
          fi
       fi
     }
  :: else -> break
  od;
  complete = complete && (broken == NO_TURNOVER || head < RING || older >= (broken == ONE_OLDER -> 1 : OLDER))
}

proctype Stopper() {
  byte at, head, older;
  flip();
  if
  :: broken == RING_FIRST -> scan_ring(); scan_slots()
  :: broken == NO_RING -> scan_slots()
  :: else -> scan_slots(); scan_ring()
  fi;
  d_step {
    i = 0;
    do
    :: i < GUARDS -> assert(!complete || !needed[i] || listed[i]); i++
    :: else -> break
    od;
    i = 0
  }
}

init {
  atomic {
    choose_what_is_broken();
    memory[WORD] = BEFORE;
    // Of calls that ended long ago: nothing, or a whole ring.
    if
#if GUARDS < 3
    :: skip
#endif
    :: memory[HEAD] = RING;
       i = 0;
       do
       :: i < RING -> memory[TURN(i)] = i + 1; memory[FACT(i)] = fact(NOBODY, BEFORE); i++
       :: else -> break
       od;
       i = 0
    fi;
    run Stopper();
    run Guard(0);
    run Guard(1);
#if GUARDS > 2
    run Guard(2);
#endif
  }
}
