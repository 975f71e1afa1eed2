// Shared memory as x86 gives it (TSO): a store goes into its processor's buffer and reaches memory later, in order; a load looks into the
// buffer of its own processor first; exchanges and all other locked operations wait until that buffer is empty.
//
// Before this is included: PROCESSORS, CELLS. A process that uses it has a `me`.

#ifndef DEPTH
#define DEPTH 2  // stores that a buffer holds; the next one waits
#endif

typedef Buffer {
  byte count;
  byte cell[DEPTH];
  byte value[DEPTH];
}
Buffer buffer[PROCESSORS];
byte memory[CELLS];
hidden byte i;  // 0 between its loops; no d_step may end with one

inline put(where, what) {
  buffer[me].count < DEPTH;
  buffer[me].cell[buffer[me].count] = where;
  buffer[me].value[buffer[me].count] = what;
  buffer[me].count++
}
inline store(where, what) { d_step { put(where, what) } }

inline look(where, into) {
  into = memory[where];
  i = 0;
  do
  :: i < buffer[me].count ->
     if
     :: buffer[me].cell[i] == where -> into = buffer[me].value[i]
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0
}
inline load(where, into) { d_step { look(where, into) } }

#define drained (buffer[me].count == 0)
inline exchange(where, what) { d_step { drained; memory[where] = what } }

// The oldest store of one processor reaches memory.
inline arrive(processor) {
  d_step {
    buffer[processor].count > 0;
    memory[buffer[processor].cell[0]] = buffer[processor].value[0];
    i = 1;
    do
    :: i < buffer[processor].count ->
       buffer[processor].cell[i - 1] = buffer[processor].cell[i];
       buffer[processor].value[i - 1] = buffer[processor].value[i];
       i++
    :: else -> break
    od;
    buffer[processor].count--;
    buffer[processor].cell[buffer[processor].count] = 0;
    buffer[processor].value[buffer[processor].count] = 0
  }
}

proctype Memory() {
end:
  do
  :: arrive(0)
  :: arrive(1)
#if PROCESSORS > 2
  :: arrive(2)
#endif
#if PROCESSORS > 3
  :: arrive(3)
#endif
  od
}
