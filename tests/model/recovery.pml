// SPDX-License-Identifier: BSL-1.0
// The lives of a thread slot: recover_slot(), register_thread() and thread_has_ended() of detail/memory/registration.hpp, seen by
// is_dead() of thread_identity.hpp and sleep_on() of waiting.hpp.
//
// Thread 1 has the slot; threads 2 and 3 register in it whenever its token is to be had, and recover it first if the last owner died.
// Each may end in order at any time while it has the slot. Threads 4 and 5 wait for a lock held by one of the slot's lives,
// each for a lock of its own, until they see that life dead. Thread 6 waits for a wake-up that thread 1 owes. Each may be killed
// before any step (DEATHS in all), so also within the recovery of the first.
//
// Shown: who asks is_dead() about a life that is over is told so, and about one that is not, never; when nothing can happen
// any more nobody sleeps who waits for a life that is over, and the wake-up that was owed has come.
//
// The kernel wakes one of those who watch a token; that one, or a recovery, wakes the others. So one death leaves nobody asleep, also if
// no other thread ever comes. After two, of the watched and of the one that was woken, the others wait for the recovery that comes with the
// next thread, or for the tick.
//
// Left out: list_op_pending, which would bring thread 6's wake-up earlier (see lock.pml); the node of a condition (see
// condition.pml); the wrap of a generation after 65,536 lives; glibc's own steps in taking a token, which the kernel completes.
//
// REGISTRARS       how many of threads 2 and 3 there are
// ENDS_BY_KILL     no thread ends in order
// TICK             a sleeper also looks when nothing else can happen: last_resort
// FORWARD          another protocol: who finds the watched thread dead after a sleep wakes the next who watches it
// NO_THREAD_ID     broken: is_dead() does not compare the thread's id
// ID_FIRST         broken: the id is written before the recovery, not after it
// CLEAR_FIRST      broken: the intent is cleared before the wake-up is done
// NO_WAKE_ALL      broken: a recovery wakes nobody
#include "futex.pml"

#ifndef REGISTRARS
#define REGISTRARS 2
#endif

// The token.
byte token_id;         // 0: free, or marked FUTEX_OWNER_DIED if `marked`
bit marked;
bit waiters;           // FUTEX_WAITERS: the kernel wakes one when it marks
short token_queue;

byte generation;       // ThreadSlot::generation
byte thread_id = 1;    // ThreadSlot::thread_id
bit intent;            // ThreadSlot::intent == wake

bit word;              // what thread 6 waits for
byte word_queue;

byte over;             // bit n: life n is over
byte born = 1;         // bit n: life n has been registered
byte life = 0;         // the last one that was
bit asleep[7];
byte watched[7];       // the life that threads 4 and 5 wait for

#define token (token_id | (marked << 3) | (waiters << 4))
#define is_over(n) ((over >> (n)) & 1)

inline wake_all(queue) {
  wake_one(queue); wake_one(queue); wake_one(queue); wake_one(queue)
}
inline get_up() {
  asleep[me] = 0;
  pull(token_queue);
  woken = woken & ~bit_of(me)
}
inline end_life(n) {
  if
  :: (born >> n) & 1 -> over = over | bit_of(n)
  :: else
  fi
}

proctype user(byte me) {
  bit ends_in_order, owed;

  if
  :: me == 1 -> goto owns
  :: me != 1
  fi;

end_registers:  // register_thread
  if
  :: atomic { token_id == 0 ->                                         // candidate.token.try_lock()
       token_id = me;
       printf("%d takes the token\n", me);
#ifdef ID_FIRST
       thread_id = me;
#endif
       if
       :: marked -> marked = 0; goto recovers
       :: else -> waiters = 0
       fi }
  OR_DIES
  fi;
registers:
  if
  :: atomic { true -> waiters = 1 }                                    // slot->token.ask_for_wake()
  OR_DIES
  fi;
  if
  :: atomic { true -> thread_id = me; life = generation; born = born | bit_of(life); printf("%d begins life %d\n", me, life) }
  OR_DIES
  fi;

owns:
end_owns:
  if
#ifdef OWED
  :: atomic { me == 1 && !word -> intent = 1; owed = 1 }
#endif
#ifndef ENDS_BY_KILL
  :: atomic { true -> ends_in_order = 1; goto recovers }               // thread_has_ended
#endif
  :: atomic { true -> goto stays }
  OR_DIES
  fi;
  if
  :: atomic { true -> word = 1 }
  OR_DIES
  fi;
  if
  :: atomic { true -> if :: word_queue != 0 -> wake_one(word_queue) :: else fi }
  OR_DIES
  fi;
  if
  :: atomic { true -> intent = 0; owed = 0; goto owns }
  OR_DIES
  fi;

recovers:  // recover_slot
  if
#ifdef CLEAR_FIRST
  :: atomic { true -> owed = intent; intent = 0 }
#else
  :: atomic { true -> if :: intent -> printf("%d does the wake-up that is owed\n", me); wake_one(word_queue) :: else fi }
#endif
  OR_DIES
  fi;
  if
#ifdef CLEAR_FIRST
  :: atomic { true -> if :: owed -> wake_one(word_queue); owed = 0 :: else fi }
#else
  :: atomic { true -> intent = 0 }                                     // slot.intent.store(0)
#endif
  OR_DIES
  fi;
  if
  :: atomic { true -> end_life(generation); generation++; printf("%d bumps the generation to %d\n", me, generation) }
  OR_DIES
  fi;
#ifndef NO_WAKE_ALL
  if
  :: atomic { true -> wake_all(token_queue) }                          // futex_wake(slot.token.word(), all_waiters)
  OR_DIES
  fi;
#endif
  if
  :: !ends_in_order -> goto registers
  :: ends_in_order
  fi;
  if
  // slot.token.unlock(): glibc wakes one, for which it uses list_op_pending itself.
  :: atomic { true -> token_id = 0; waiters = 0; printf("%d gives the token back\n", me); wake_one(token_queue) }
  OR_DIES
  fi;
#ifndef NO_WAKE_ALL
  if
  :: atomic { true -> wake_all(token_queue) }
  OR_DIES
  fi;
#endif
  goto leaves;

stays:
end_stays:
  if
  OR_DIES
  fi;

dies:  // the kernel: exit_robust_list, handle_futex_death
  atomic { true -> ends_in_order = 0; owed = 0;
    if
    :: token_id == me ->
      // The life that this thread began, not the one that it was about to recover.
      if
      :: thread_id == me -> end_life(generation)
      :: else
      fi;
      token_id = 0; marked = 1;
      if
      :: !waiters -> goto leaves
      :: else
      fi
    :: else -> goto leaves
    fi };
  atomic { true -> wake_one(token_queue) };
leaves:
  skip
}

proctype watcher(byte me) {
  byte seen, holder, about;
  bit was_over, slept;

  if  // the holder of the lock for which it waits: the first life, or the last that has begun
  :: atomic { true -> about = 0 }
  :: atomic { life != 0 -> about = life; watched[me] = life }
  fi;

looks:  // is_dead(), which sleep_on asks before its sleep and after it
  if
  :: atomic { true -> seen = token; was_over = is_over(about) }
  OR_DIES
  fi;
  if
  :: atomic { true -> holder = token_id;                               // token_owner(token), 0 when it is marked
       if
       :: holder == 0 -> goto finds_dead
       :: else
       fi }
  OR_DIES
  fi;
#ifndef NO_THREAD_ID
  if
  :: atomic { holder != thread_id -> goto finds_dead }
  :: atomic { holder == thread_id }
  OR_DIES
  fi;
#endif
  if
  :: atomic { generation != about -> goto finds_dead }
  :: atomic { generation == about -> assert(!was_over); holder = 0; was_over = 0;
       if
       :: slept -> slept = 0; goto looks
       :: !slept
       fi }
  OR_DIES
  fi;
  if                                                                   // futex_waitv
  :: atomic { token == seen -> seen = 0; push(token_queue); asleep[me] = 1; printf("%d sleeps\n", me) }
  :: atomic { token != seen -> slept = 1; goto looks }
  OR_DIES
  fi;
end_sleeps:
  if
  :: atomic { woken & bit_of(me) -> printf("%d wakes up\n", me); slept = 1; get_up(); goto looks }
#ifdef TICK
  :: atomic { timeout && is_over(about) -> slept = 1; get_up(); goto looks }
#endif
  OR_DIES
  fi;

finds_dead:
  atomic { assert(is_over(about)); printf("%d sees that life %d is over\n", me, about); holder = 0; seen = 0; was_over = 0 };
#ifndef NO_SPREAD
  if                                                                   // sleep_on: futex_wake(token, all_waiters)
  :: atomic { slept -> wake_all(token_queue) }
  :: atomic { !slept }
  OR_DIES
  fi;
#endif
  goto leaves;

dies:
  atomic { true -> get_up(); holder = 0; seen = 0; was_over = 0 };
leaves:
  slept = 0
}

proctype waiter(byte me) {
looks:
  if
  :: atomic { !word -> word_queue = me; asleep[me] = 1 }
  :: atomic { word -> goto leaves }
  OR_DIES
  fi;
end_sleeps:
  if
  :: atomic { woken & bit_of(me) -> printf("%d wakes up\n", me); get_up(); goto looks }
  OR_DIES
  fi;
dies:
  atomic { true -> word_queue = 0; get_up() };
leaves:
  skip
}

#define sleeps_for_the_dead(n) (asleep[n] && is_over(watched[n]))
#ifdef TICK
#define rest timeout && !sleeps_for_the_dead(4) && !sleeps_for_the_dead(5)
#else
#define rest timeout
#endif
// After two deaths only the recovery, which comes with the next thread, wakes all others.
#if DEATHS > 1 && REGISTRARS > 0
#define unrecovered marked
#else
#define unrecovered 0
#endif

init {
  atomic {
    token_id = 1; waiters = 1;
    choose_deaths();
    run user(1);
#if REGISTRARS > 0
    run user(2);
#endif
#if REGISTRARS > 1
    run user(3);
#endif
#ifdef OWED
    run waiter(6)
#else
    run watcher(4); run watcher(5)
#endif
  };
  atomic { rest ->
    assert(unrecovered || !sleeps_for_the_dead(4) && !sleeps_for_the_dead(5));
    assert(unrecovered || !(word && asleep[6]))
  }
}
