// SPDX-License-Identifier: BSL-1.0
// What the models share: the kernel's futex queues, a thread's death, and its last sleep. Sequentially consistent.
//
// A queue holds the threads that sleep on a word, as octal digits, the first to be woken in the lowest: the kernel's order for
// threads without real-time priority. futex_waitv lines up on one word after the other, comparing each as it does; a wake
// takes one entry away, and the thread's other entries stay until it runs, so that it may eat a second wake.

#ifndef DEATHS
#define DEATHS 0
#endif

byte deaths;   // that may still happen; begins with any number up to DEATHS, so that every state is also met with none left
byte woken;    // bit n: a wake has taken an entry of thread n
byte dead;     // bit n: the token of thread n is marked FUTEX_OWNER_DIED

#define bit_of(thread) (1 << (thread))
#define is_dead(thread) ((dead >> (thread)) & 1)

inline push(queue) {
  if
  :: queue == 0 -> queue = me
  :: queue != 0 && queue < 8 -> queue = queue | (me << 3)
  :: queue >= 8 && queue < 64 -> queue = queue | (me << 6)
  :: queue >= 64 -> queue = queue | (me << 9)
  fi
}
inline pull(queue) {
  if
  :: (queue & 7) == me -> queue = queue >> 3
  :: ((queue >> 3) & 7) == me -> queue = (queue & 7) | ((queue >> 6) << 3)
  :: ((queue >> 6) & 7) == me -> queue = (queue & 63) | ((queue >> 9) << 6)
  :: (queue >> 9) == me -> queue = queue & 511
  :: else
  fi
}
inline wake_one(queue) {
  if
  :: queue != 0 -> woken = woken | bit_of(queue & 7); queue = queue >> 3
  :: else
  fi
}

// One step of a thread: `guard` and what follows it happen at once; or the thread dies instead.
#define OR_DIES :: atomic { deaths > 0 -> deaths--; printf("%d is killed\n", me); goto dies }

inline choose_deaths() {
  if
  :: deaths = 0
  :: DEATHS > 0 -> deaths = 1
  :: DEATHS > 1 -> deaths = 2
  fi
}
