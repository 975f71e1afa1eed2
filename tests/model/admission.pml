// Admission: guards that claim a slot, read the page and run a call, against publishers that flip the page and read the slots.
// GUARDS threads run CALLS calls each; one publisher places a stop, another flips OTHERS times and changes nothing.
// HANDLE: the guards remember what they were allowed under which word. LATCH: the stop did not get the lock, and sets the latch.
// What becomes of calls that end while the stop looks is in ended.pml. README.md says which lines of the product this mirrors.

#define PROCESSORS (GUARDS + 2)
#define ATTEMPTS 2  // readings of the page before a call is denied, 3 in the product: two flips must be able to use them up

// Ways to break it. Each must be found.
#define CLAIM_BY_STORE 1     // the claim is a plain store
#define WORD_BEFORE_CLAIM 2  // the page's word is read before the slot is claimed
#define NO_SECOND_LOAD 3     // the word is not read again after the decision
#define NO_LATCH 4           // the latch is not read
#define LATCH_FIRST 5        // the latch is read before the claim
#define RECHECK_NO_WORD 6    // the re-check does not look at the word
#define RECHECK_NO_LATCH 7   // the re-check does not look at the latch
#define FLIP_FIRST 8         // the word is flipped before the half is written
#define FLIP_BY_STORE 9      // the flip is a plain store
#define SCAN_FIRST 10        // the slots are read before the flip
#define SAME_HALF 11         // the half that stands is written
#define LATCH_BY_STORE 12    // the latch is set by a plain store
#define HANDLE_NO_LATCH 13   // a Handle that remembers does not look at the latch
#define HANDLE_NO_WORD 14    // nor whether the word is the one it remembers

#define WORD 0
#define LATCH_ 1
#define SEQUENCE(word) (2 + ((word) & 1))
#define LEFT(word) (4 + ((word) & 1))   // a half's content, in two parts: equal unless they are of two pages
#define RIGHT(word) (6 + ((word) & 1))
#define SLOT(guard) (8 + (guard))
#define CELLS (8 + GUARDS)
#include "memory.pml"
#include "broken.pml"

// A slot: generation, then state. One that is reserved is as good as free here. A half: the word it was published under, then whether
// the stop is in it.
#define FREE 0
#define ACTIVE 1
#define DONE 2
#define slot(generation, state) ((generation) * 4 + (state))
#define half(word, stopped) ((word) * 2 + (stopped))
#define bit(generation) (1 << (generation))

// What is so, whoever knows it.
bool stopped;          // the stop is on the page, or the latch is set
byte running[GUARDS];  // the generation that was admitted and has not ended
byte needed[GUARDS];   // of the calls that must be on the stop's list
byte listed[GUARDS];   // of those that are
bool told;             // the list is made
byte verified;         // Attachment::verified_

#define ALLOWED 1
#define DENIED 2

// Attachment::ask, with unsound() in it.
inline ask() {
  attempts = 0;
  verdict = 0;
  do
  :: verdict != 0 -> break
  :: verdict == 0 && attempts == ATTEMPTS -> verdict = DENIED  // page_torn
  :: verdict == 0 && attempts < ATTEMPTS ->
     attempts++;
     load(WORD, word);
     if
     :: broken == NO_LATCH -> latch = 0
     :: broken == LATCH_FIRST -> latch = latch_early
     :: else -> load(LATCH_, latch)
     fi;
     if
     :: latch != 0 -> verdict = DENIED
     :: else ->
        sound = 1;
        if
        :: verified == word
        :: else ->
           load(SEQUENCE(word), one);
           sound = sound && one == word;
           load(LEFT(word), one);
           load(RIGHT(word), two);
           d_step { sound = sound && one == two; if :: sound -> verified = word :: else fi }
        fi;
        load(LEFT(word), one);
        load(RIGHT(word), two);
        d_step {
          look(WORD, again);
          if
          :: again != word && broken != NO_SECOND_LOAD
          :: else ->
             assert(sound && one == two && one / 2 == word);  // one page, and the one that stands
             if
             :: one & 1 -> verdict = DENIED
             :: else -> verdict = ALLOWED; running[me] = generation
             fi
          fi;
          one = 0; two = 0; again = 0; sound = 0
        }
     fi
  od;
  atomic { attempts = 0; latch = 0 }
}

// Attachment::admit(Lane&, …): what was allowed under this word is allowed.
inline remembered() {
  if
  :: broken == WORD_BEFORE_CLAIM -> word = early
  :: else -> load(WORD, word)
  fi;
  if
  :: broken == HANDLE_NO_LATCH -> latch = 0
  :: else -> load(LATCH_, latch)
  fi;
  d_step {
    verdict = 0;
    if
    :: allowed != 0 && (allowed == word || broken == HANDLE_NO_WORD) && latch == 0 -> verdict = ALLOWED; running[me] = generation
    :: else
    fi;
    latch = 0
  }
}

// Attachment::admit, Permit::recheck, the call itself, Permit::done.
proctype Guard(byte me) {
  byte generation, word, again, latch, latch_early, early, one, two, attempts, verdict, allowed;
  bool sound, stopped_before;
  do
  :: generation == CALLS -> break
  :: else ->
     d_step { generation++; stopped_before = stopped };
     if
     :: broken == WORD_BEFORE_CLAIM -> load(WORD, early)
     :: broken == LATCH_FIRST -> load(LATCH_, latch_early)
     :: else
     fi;
     if
     :: broken == CLAIM_BY_STORE -> store(SLOT(me), slot(generation, ACTIVE))
     :: else -> exchange(SLOT(me), slot(generation, ACTIVE))
     fi;
#ifdef HANDLE
     remembered();
     if
     :: verdict == 0 -> ask()
     :: else
     fi;
     atomic { if :: verdict == ALLOWED -> allowed = word :: else fi };
#else
     ask();
#endif
     atomic {
       assert(!(stopped_before && verdict == ALLOWED));
       early = 0;
       latch_early = 0;
       stopped_before = stopped
     };
     if
     :: verdict == ALLOWED ->
        load(WORD, again);
        load(LATCH_, latch);
        if
        :: (again == word || broken == RECHECK_NO_WORD) && (latch == 0 || broken == RECHECK_NO_LATCH) -> atomic { again = 0; latch = 0 }
        :: else -> again = 0; ask()
        fi
     :: else
     fi;
     d_step {
       if
       :: verdict == ALLOWED ->
          assert(!stopped_before);  // the call goes out
          assert(!(stopped && told) || (listed[me] & bit(generation)))
       :: else
       fi
     };
     d_step {
       drained;
       memory[SLOT(me)] = slot(generation, DONE);
       running[me] = 0;
       needed[me] = needed[me] & ~bit(generation)  // it is for the ring to tell, if it was sent at all
     };
     store(SLOT(me), slot(generation, FREE));
     d_step { word = 0; verdict = 0; stopped_before = 0 }
  od
}

bool lock;  // flock(STATE/lock): taking it and giving it back are system calls, which empty the buffer

// Publisher::flip, with the stop or with what is there already.
inline publish(stop) {
  d_step { look(WORD, word); look(LEFT(word), content) };
  next = word + 1;
  target = next;
  if
  :: broken == SAME_HALF -> target = word
  :: else
  fi;
  content = half(next, (content & 1) | stop);
  if
  :: broken == FLIP_FIRST -> exchange(WORD, next)
  :: else
  fi;
  store(SEQUENCE(target), 0);
  store(LEFT(target), content);
  store(RIGHT(target), content);
  store(SEQUENCE(target), next);
  if
  :: broken == FLIP_BY_STORE -> d_step { put(WORD, next); note_flip(stop) }
  :: else -> d_step { drained; memory[WORD] = next; note_flip(stop) }
  fi;
  store(SEQUENCE(word), 0)
}
inline note_flip(stop) {
  if
  :: stop ->
     stopped = 1;
     i = 0;
     do
     :: i < GUARDS ->
        if
        :: running[i] -> needed[i] = needed[i] | bit(running[i])
        :: else
        fi;
        i++
     :: else -> break
     od;
     i = 0
  :: else
  fi
}

// scan(): all words, then each call again until its generation stood still (read_call).
inline scan() {
  at = 0;
  do
  :: at < GUARDS ->
     load(SLOT(at), one);
     if
     :: one % 4 == FREE
     :: else ->
        load(SLOT(at), two);
        if
        :: one / 4 == two / 4 -> listed[at] = listed[at] | bit(one / 4)
        :: else
        fi
     fi;
     at++
  :: else -> break
  od;
  atomic { at = 0; one = 0; two = 0 }
}
inline end_of_list() {
  d_step {
    told = 1;
    i = 0;
    do
    :: i < GUARDS ->
       needed[i] = needed[i] | (running[i] -> bit(running[i]) : 0);  // whoever runs now goes on under the stop
       assert((needed[i] & ~listed[i]) == 0);
       i++
    :: else -> break
    od;
    i = 0
  }
}

// control/flip.cc.
proctype Stopper(byte me) {
  byte word, next, target, content, at, one, two;
#ifdef LATCH
  if
  :: broken == LATCH_BY_STORE -> d_step { put(LATCH_, 1); stopped = 1 }
  :: else -> d_step { drained; memory[LATCH_] = 1; stopped = 1 }
  fi;
  scan();
#else
  atomic { !lock -> lock = 1 };
  if
  :: broken == SCAN_FIRST -> scan(); publish(1)
  :: else -> publish(1)
  fi;
  atomic { drained; lock = 0 };
  if  // while others publish
  :: broken == SCAN_FIRST
  :: else -> scan()
  fi;
#endif
  end_of_list()
}

proctype Other(byte me) {
  byte word, next, target, content, flips;
  do
  :: flips == OTHERS -> break
  :: else ->
     atomic { !lock -> lock = 1 };
     publish(0);
     d_step { drained; lock = 0; flips++ }
  od
}

init {
  atomic {
    choose_what_is_broken();
    memory[WORD] = 1;
    memory[SEQUENCE(1)] = 1;
    memory[LEFT(1)] = half(1, 0);
    memory[RIGHT(1)] = half(1, 0);
    run Memory();
    run Stopper(GUARDS);
    run Other(GUARDS + 1);
    run Guard(0);
#if GUARDS > 1
    run Guard(1);
#endif
#if GUARDS > 2
    run Guard(2);
#endif
  }
}
