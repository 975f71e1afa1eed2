// Publishing: stops, a resume, and a command that finds a stop of another's on the page, at once; each may sleep while it holds the lock,
// or die at any step. Mirrors publisher.cc, control/flip.cc and stop.cc (Stopper), control/resume.cc (Resumer), host/sync.cc and
// reconcile.cc (Teller, publish) and page/durable.cc. README.md says line by line.
//
// Without store buffers: who publishes holds the lock, and takes it, flips and gives it back by operations that empty the buffer.

// Ways to break it. Each must be found.
#define FORGETS_LOCAL 1  // a publication is what the ledger says, and forgets what only the page knew
#define TOLD_SINCE 2     // a stop that the ledger was told of after it was read is taken for one that was lifted
#define LATE_READ 3      // who read the ledger before the page moved on publishes what it read
#define NO_LOCK 4        // who does not get the lock publishes all the same
#define FLIP_FIRST 5     // the word is flipped before the half is written: a death between leaves an unsound page
#define SAME_HALF 6      // the half that stands is written
#define DURABLE_OVER 7   // a write of the durable file forgets what only the file knew
#define DURABLE_OLD 8    // a write that finds a newer file is content with it
#define DURABLE_TOLD 9   // a resume takes from the file whatever the page does not show, whether the ledger knows it or not
#define TOLD_AGAIN 10    // an action that the ledger has is done again
#define WITNESSED 11     // a guard takes for shown what it read of a half that a flip went over

#ifndef STOPS
#define STOPS 2
#endif
#include "broken.pml"
#define bit(stop) (1 << (stop))

// The page: a word, whose lowest bit names the half, and two halves of sequence, stops (a bit for each) and revision.
byte word = 1;
typedef Half { byte sequence, stops, revision }
Half half[2];
#define standing half[word & 1].stops

// The ledger and the durable file: each has a lock of its own and changes at once.
byte ledger, revision;  // stops that stand
byte told;              // stops that it ever heard of
byte told_at[STOPS];
byte file, file_revision;

byte holder;     // of flock(STATE/lock), +1; 0 nobody
bool latch;      // nobody lifts it here: see latch.pml
bool dead[4];
byte deaths;

// What is so, whoever knows it.
byte placed;   // has been on the page
byte claimed;  // its command has ended, and has said that it is in the ledger or in the durable file
byte lifted;   // a resume has named it

// Always: no stop is lost, the page is sound, a boot would bring everything back, and what was lifted stays so.
proctype Monitor() {
  d_step {
    assert(half[word & 1].sequence == word);
    assert((placed & ~lifted & ~standing) == 0);
    assert(latch || (claimed & ~lifted & ~standing) == 0);
    assert((claimed & ~lifted & ~(ledger | (file & ~told))) == 0);
    assert((ledger & lifted) == 0)
  }
}

// kill -9 at any step. The kernel gives the lock back.
proctype Death() {
  byte who;
  do
  :: deaths == 0 ->
     atomic {
       if
       :: who = 0
       :: who = 1
       :: who = 2
       :: who = 3
       fi;
       dead[who] = 1;
       deaths++
     }
  :: break
  od
}
inline unlock() { d_step { if :: holder == me + 1 -> holder = 0 :: else fi } }

// Publisher::flip: `next` becomes what the page says.
inline flip(next, at) {
  atomic { target = (broken == SAME_HALF -> word : word + 1) & 1; if :: broken == FLIP_FIRST -> word++ :: else fi };
  half[target].sequence = 0;
  d_step { half[target].stops = next; half[target].revision = at };
  half[target].sequence = word + (broken == FLIP_FIRST -> 0 : 1);
  d_step {
    assert(at >= half[word & 1].revision || broken == FLIP_FIRST);  // must()
    if :: broken != FLIP_FIRST -> word++ :: else fi;
    placed = placed | standing;
    target = 0
  }
}

inline tell(stop) {
  d_step {
    if
    :: (told & bit(stop)) && broken != TOLD_AGAIN
    :: else -> ledger = ledger | bit(stop); revision++; if :: told & bit(stop) :: else -> told = told | bit(stop); told_at[stop] = revision fi
    fi
  }
}
inline read_ledger() { d_step { read = ledger; read_at = revision } }

// host::publish: the page's lock is held, the ledger was read before. Then it is asked what it was told of, and reconcile() decides.
inline publish() {
  if
  :: half[word & 1].revision > read_at && broken != LATE_READ -> read_ledger()
  :: else
  fi;
  d_step {
    over = 0;
    i = 0;
    do
    :: i < STOPS ->
       over = over | ((told & bit(i)) && (told_at[i] <= read_at || broken == TOLD_SINCE) -> bit(i) : 0);
       i++
    :: else -> break
    od;
    i = 0;
    next = read | (broken == FORGETS_LOCAL -> 0 : standing & ~over);
    over = 0
  };
  flip(next, read_at);
  next = 0
}

// page::write_durable: what the ledger was told of, `known`, may go.
inline write_durable(stops, at, known) {
  d_step {
    if
    :: at < file_revision && broken == DURABLE_OLD
    :: at < file_revision && broken != DURABLE_OLD -> file = file | ((stops) & ~known)
    :: else -> file = (stops) | (broken == DURABLE_OVER -> 0 : file & ~known); file_revision = at
    fi
  }
}

proctype Stopper(byte me) {
  byte target, shown, shown_at, read, read_at, next, over, i;
  bool stored, kept;
  {
    if
    :: atomic { holder == 0 -> holder = me + 1 };
       d_step { shown = standing | bit(me); shown_at = half[word & 1].revision };
       flip(shown, shown_at);
       unlock()
    :: atomic {
         holder != 0 -> // 50 ms are over
         if
         :: broken == NO_LOCK
         :: else -> latch = 1
         fi;
         shown = standing | bit(me);
         shown_at = half[word & 1].revision
       };
       if
       :: broken == NO_LOCK -> flip(shown, shown_at)
       :: else
       fi
    fi;
    // Each may fail: a full disk, a broken ledger.
    if
    :: write_durable(shown, shown_at, 0); kept = 1
    :: true
    fi;
    atomic { shown = 0; shown_at = 0 };
    if
    :: atomic { tell(me); read_ledger(); stored = 1 };
       if
       :: atomic { holder == 0 -> holder = me + 1 };
          publish();
          unlock()
       :: holder != 0
       fi
    :: true
    fi;
    d_step { if :: stored || kept -> claimed = claimed | bit(me) :: else fi; read = 0; read_at = 0 }
  } unless { dead[me] };
  unlock()
}

// host::sync, of any command: it tells the ledger of what it finds on the page, and publishes.
proctype Teller(byte me) {
  byte target, shown, read, read_at, next, over, i;
  {
    shown = standing & ~ledger;  // those marked as local, at least
    do
    :: i < STOPS -> if :: shown & bit(i) -> tell(i) :: else fi; i++
    :: else -> break
    od;
    atomic { i = 0; shown = 0 };
    read_ledger();
    if
    :: atomic { holder == 0 -> holder = me + 1 };
       publish();
       unlock()
    :: true
    fi;
    atomic { read = 0; read_at = 0 }
  } unless { dead[me] };
  unlock()
}

// `notaus resume` of the first stop, once it stands in the ledger.
proctype Resumer(byte me) {
  byte target, shown, shown_at, read, read_at, next, over, known, i;
end:
  ledger & bit(0);
  {
    d_step { ledger = ledger & ~bit(0); lifted = lifted | bit(0); revision++; read = ledger; read_at = revision };
    atomic { holder == 0 -> holder = me + 1 };
    publish();
    d_step { shown = standing; shown_at = half[word & 1].revision };
    unlock();
    known = (broken == DURABLE_TOLD -> bit(STOPS) - 1 : told);
    write_durable(shown, shown_at, known)
  } unless { dead[me] };
  unlock()
}

// Attachment::unsound, each time it is asked: a page whose revision is older than one that was seen denies everything. Never without cause.
proctype Guard() {
  byte read_word, at, last, times;
  do
  :: times < 3 ->
     d_step { times++; read_word = word };
     if
     :: half[read_word & 1].sequence == read_word ->
        at = half[read_word & 1].revision;
        atomic {
          if
          :: word == read_word || broken == WITNESSED ->
             assert(at >= last || word != read_word);
             last = (at > last -> at : last)
          :: else
          fi;
          at = 0
        }
     :: else
     fi;
     read_word = 0
  :: else -> break
  od
}

init {
  atomic {
    choose_what_is_broken();
    half[1].sequence = 1;
    run Monitor();
    run Stopper(0);
#if STOPS > 1
    run Stopper(1);
#endif
#ifdef TELL
    run Teller(3);
#endif
    run Resumer(2);
#ifdef GUARD
    run Guard();
#endif
#ifdef DEATHS
    run Death()
#endif
  }
}
