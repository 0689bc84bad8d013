// SPDX-License-Identifier: BSL-1.0
// The hand-over of a lock: detail/memory/lock_word.hpp, with sleep_on() of waiting.hpp and the kernel's part in a death.
//
// Each of THREADS threads takes the lock as often as it likes, the last one with or without a time limit (TIMED), may be killed
// before any step (DEATHS in all), and may stop for good while it holds nothing. So whatever is lost, is lost in some end
// state, and the search for invalid end states finds it: a sleeper without a time limit, the lock free or its holder dead,
// nobody to come. It asserts mutual exclusion as well. Each step quotes the code that it mirrors.
//
// Shown for three threads: without deaths nobody is forgotten; a free lock forgets nobody, whatever two deaths do; one death forgets nobody if
// those who sleep have lined up in the kernel in the order in which they watch each other (ORDERLY).
//
// Found: the exchange of last_sleeper and the futex call are two steps. If two threads go to sleep at once, the one that is behind may be
// the first in the kernel's queue; if it then takes the lock and dies, the other one watches neither, and looks after last_resort. So one
// death may need the tick (the test that is named after it), as two may in any case.
//
// Left out: the spin (the same looks, more of them), spurious failures of weak exchanges (the same steps again), the intent
// of a waiter and the recovery of slots (they only add wake-ups), release() by another than the holder, memory orders. Names of threads are used once: see recovery.pml.
//
// SIGNALS       so many sleeps are left for no reason, as after a signal or a tick
// TICK          a sleeper also looks when nothing else can happen and the holder is dead: what is lost yet, is lost with the lock free
// ORDERLY       a sleeper takes its place behind the last one and in the kernel's queue in one step
// NO_PENDING    broken: list_op_pending is never set
// EXCHANGE      broken: release() stores 0, and W is lost
// NO_PREVIOUS   broken: a sleeper watches the holder alone
// NO_GIVE_UP    broken: a sleeper whose time is up wakes nobody
// CLEAR_LATE    broken: W is cleared after the wake that found nobody, not before
// WAKE_TWO      another protocol: release() wakes two, one to take the lock and one to watch who takes it; nobody watches the previous sleeper
#include "futex.pml"

#ifndef THREADS
#define THREADS 3
#endif
#ifndef SIGNALS
#define SIGNALS 0
#endif
#ifdef WAKE_TWO
#define NO_PREVIOUS
#endif

byte owner;        // `word` without W: 0 free, else who holds it
bit W;             // bit 31 of `word`
byte last;         // `last_sleeper`
bit idle_wakes;    // `idle_wakes`
byte pending;      // bit n: list_op_pending of thread n names `word`
byte signals = SIGNALS;

short word_queue;
short token_queue[5];

byte inside;       // threads between acquire() and release()

inline leave_queues() {
  pull(word_queue); pull(token_queue[1]); pull(token_queue[2]); pull(token_queue[3]); pull(token_queue[4]);
  woken = woken & ~bit_of(me)
}
inline wake_all(queue) {
  wake_one(queue); wake_one(queue); wake_one(queue)
}
inline enter() {
  printf("%d takes the lock\n", me);
  owner = me;
  assert(inside == 0);
  inside++;
  pending = pending & ~bit_of(me);  // ~PendingGuard: from here on the word's low bits are not zero
  before = 0; seen = 0; timed = 0
}
inline leave() {
  assert(owner == me);
  printf("%d frees the lock\n", me);
  owner = 0;
  inside--
}
inline follow() {
  if                                                                   // last_sleeper.exchange(self.owner)
  :: last != me -> before = last
  :: else
  fi;
  printf("%d is behind %d\n", me, before);
  last = me;
  if                                                                   // before_me == owner
  :: before == seen -> before = 0
  :: else
  fi
}
inline name_word() {
#ifdef NO_PENDING
  skip
#else
  pending = pending | bit_of(me)
#endif
}
inline go_idle() {
  pending = pending & ~bit_of(me);
  before = 0; timed = 0; woke = 0
}

proctype thread(byte me) {
  byte seen, before;
  bit timed, woke;

idle:
  if
  :: atomic { owner == 0 && !W -> enter() } goto holds                 // acquire: CAS(0 -> mine)
  :: atomic { owner != 0 || W -> name_word() }                         // PendingGuard pending(self, state.word)
#ifdef TIMED
  :: atomic { me == THREADS && (owner != 0 || W) -> name_word(); timed = 1 }
#endif
  :: atomic { true -> goto ends }
  OR_DIES
  fi;

looks:
  if
  :: atomic { owner == 0 -> enter(); goto holds }                      // try_take: CAS(seen -> mine | W)
  :: atomic { owner != 0 && is_dead(owner) -> printf("%d finds %d dead\n", me, owner); inside = 0; enter(); W = 1; goto took_over }
  :: atomic { owner != 0 && !is_dead(owner) }
  :: atomic { owner != 0 && !is_dead(owner) && timed -> goto gives_up }  // deadline.passed()
  OR_DIES
  fi;

  if
  :: atomic { owner == 0 -> goto looks }                               // if ((seen & word_value) == 0) continue
  :: atomic { owner != 0 -> W = 1; seen = owner }                      // CAS(seen -> seen | W)
  OR_DIES
  fi;
#ifndef NO_PREVIOUS
#ifndef ORDERLY
  if
  :: atomic { true -> follow() }
  OR_DIES
  fi;
#endif
#endif
  if
  :: atomic { true ->
       if                                                              // is_dead(before_me)
       :: before != 0 && is_dead(before) -> before = 0
       :: else
       fi;
       if                                                              // sleep_on: if (is_dead(owner)) return true
       :: is_dead(seen) -> seen = 0; goto looks
       :: else
       fi }
  OR_DIES
  fi;

  // futex_waitv, word by word.
  if
  :: atomic { owner == seen && W -> printf("%d lines up for the word\n", me); push(word_queue);
#ifndef NO_PREVIOUS
#ifdef ORDERLY
       follow();
       if
       :: before != 0 && is_dead(before) -> before = 0
       :: else
       fi
#endif
#endif
     }
  :: atomic { owner != seen || !W -> goto wakes }
  OR_DIES
  fi;
  if
  :: atomic { !is_dead(seen) -> printf("%d watches %d\n", me, seen); push(token_queue[seen]);
       if
       :: before == 0 -> goto sleeps
       :: else
       fi }
  :: atomic { is_dead(seen) -> leave_queues(); goto wakes }
  OR_DIES
  fi;
  if
  :: atomic { !is_dead(before) -> printf("%d watches %d\n", me, before); push(token_queue[before]) }
  :: atomic { is_dead(before) -> leave_queues(); goto wakes }
  OR_DIES
  fi;
sleeps:
  if
  :: atomic { woken & bit_of(me) -> printf("%d wakes up\n", me); leave_queues() }
  :: atomic { timed -> leave_queues() }
#if SIGNALS
  :: atomic { signals > 0 -> signals--; printf("%d gets a signal\n", me); leave_queues() }
#endif
#ifdef TICK
  :: atomic { timeout && owner != 0 -> printf("%d looks by itself\n", me); assert(is_dead(owner)); leave_queues() }
#endif
  OR_DIES
  fi;
wakes:  // sleep_on: for each that was watched and is dead, futex_wake(token, all_waiters)
  if
  :: atomic { is_dead(seen) -> printf("%d tells of the death of %d\n", me, seen); wake_all(token_queue[seen]) }
  :: atomic { !is_dead(seen) }
  OR_DIES
  fi;
  if
  :: before == 0
  :: atomic { before != 0 && is_dead(before) -> printf("%d tells of the death of %d\n", me, before); wake_all(token_queue[before]) }
  :: atomic { before != 0 && !is_dead(before) }
  OR_DIES
  fi;
  seen = 0;
  goto looks;

took_over:
  if
  :: atomic { true -> wake_one(word_queue); goto holds }               // try_take: futex_wake(state.word, 1)
  OR_DIES
  fi;

gives_up:
  if
  :: atomic { true ->
       if                                                              // last_sleeper: CAS(me -> before)
       :: last == me -> last = before
       :: else
       fi }
  OR_DIES
  fi;
  if
  :: atomic { !W -> go_idle(); goto idle }                             // if (word & W)
  :: atomic { W }
  OR_DIES
  fi;
  if
#ifdef NO_GIVE_UP
  :: atomic { true -> go_idle(); goto idle }
#else
  :: atomic { true -> wake_one(word_queue); go_idle(); goto idle }     // futex_wake(state.word, 1)
#endif
  OR_DIES
  fi;

holds:
  if
  :: atomic { !W -> leave(); goto idle }                               // release: CAS(mine -> 0)
  :: atomic { W && !idle_wakes -> name_word(); goto frees }            // release_slowly: PendingGuard; if (idle_wakes != 0
#ifdef CLEAR_LATE
  :: atomic { W && idle_wakes -> name_word() }
#else
  :: atomic { W && idle_wakes -> name_word(); W = 0 }                  //   && CAS(mine | W -> mine))
#endif
  OR_DIES
  fi;
  if
  :: atomic { word_queue == 0 }                                        // futex_wake(state.word, 1) == 0
  :: atomic { word_queue != 0 -> wake_one(word_queue); goto puts_back }
  OR_DIES
  fi;
#ifdef CLEAR_LATE
  if
  :: atomic { true -> W = 0 }
  OR_DIES
  fi;
#endif
  if
  :: atomic { !W -> leave(); go_idle(); goto idle }                    // CAS(unwatched -> 0)
  :: atomic { W }
  OR_DIES
  fi;
puts_back:
  if
  :: atomic { true -> W = 1 }                                          // word.fetch_or(W)
  OR_DIES
  fi;
frees:
  if
#ifdef EXCHANGE
  :: atomic { true -> leave(); W = 0 }
#else
  :: atomic { true -> leave() }                                        // CAS(seen -> seen & W)
#endif
  OR_DIES
  fi;
  if
  :: atomic { true -> woke = word_queue != 0; wake_one(word_queue);    // futex_wake(state.word, 1)
#ifdef WAKE_TWO
       wake_one(word_queue)
#endif
     }
  OR_DIES
  fi;
  if
  :: atomic { true -> idle_wakes = !woke; go_idle(); goto idle }       // idle_wakes.store
  OR_DIES
  fi;

dies:  // the kernel: do_exit, exit_robust_list, handle_futex_death
  atomic { true -> leave_queues(); seen = 0; before = 0; timed = 0; woke = 0; dead = dead | bit_of(me) };
  atomic { true -> wake_one(token_queue[me]) };
  if
  :: atomic { (pending & bit_of(me)) && owner == 0 }
  :: atomic { !(pending & bit_of(me)) || owner != 0 -> goto ends }
  fi;
  atomic { true -> printf("the kernel wakes one in %d's stead\n", me); wake_one(word_queue) };
ends:
  pending = pending & ~bit_of(me)
}

init {
  atomic {
    choose_deaths();
    byte n = 0;
    do
    :: n < THREADS -> n++; run thread(n)
    :: else -> break
    od
  }
}
