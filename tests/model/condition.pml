// SPDX-License-Identifier: BSL-1.0
// Condition: synchronize/condition.hpp and detail/memory/condition_node.hpp, with sleep_on() of waiting.hpp.
//
// Threads 1 to 3 wait once each, the second with or without a time limit (TIMED); thread 4 notifies up to NOTIFICATIONS of them in as
// many calls as it likes. Each may be killed before any step (DEATHS in all). The lock is perfect here: see lock.pml.
//
// Shown, when nothing can happen any more: a living waiter sleeps on only if each notification given while it waited was taken by a
// waiter that returned from wait(); without deaths exactly as many return notified as were notified; nobody waits for the lock.
//
// That holds after one death, and with the tick after two.
//
// A mark in the node, which the futex call compares, is what makes it so: who returns wakes the next waiter, so that it looks whom
// to watch now (hand_on). Without the mark, one that has looked already but does not sleep yet is not woken, goes to sleep watching
// one who has returned, and looks after last_resort if whom it should watch dies (NO_MARK).
//
// Who is notified is woken by the next notification, or by the release of the lock: until then `due`, in the lock, names it, and
// list_op_pending of the notifier. UNNAMED: it is not named, as when the notifier locks a robust mutex of glibc's meanwhile. If it dies so, the notified
// looks by itself.
//
// Left out: a scan of the slots is one step, `returned` (it only saves scans), the recovery of slots (which passes on, too),
// memory orders. Each waits once, so a node's number is not needed.
//
// TICK          a sleeper also looks when nothing else can happen: last_resort
// NO_DUES       broken: who releases the lock does not wake whom it owes that
// NO_PENDING    broken: a notifier does not name the node to the kernel
// NO_MARK       broken: hand_on() wakes without a mark
// NO_WATCH      broken: nobody watches the waiter before
// NO_PASS_ON    broken: who finds the waiter before it dead passes nothing on
// NO_HAND_ON    broken: who returns does not see to it that somebody watches whom it has watched
// FORGET_FIRST  broken: who passes on marks the dead waiter idle before it has notified another
#include "futex.pml"

#ifndef NOTIFICATIONS
#define NOTIFICATIONS 1
#endif

#define idle 0
#define waiting 1
#define notified 2

byte holder;          // of the condition's lock
byte node[5];         // ThreadSlot::node
byte ticket[5];       // ThreadSlot::ticket
byte turns;           // ConditionState::turns
byte pending[5];      // whose node list_op_pending names
byte due;             // LockState::until_release: whom the release of the lock wakes

byte node_queue[5];   // only the node's own thread sleeps on it: 0 or that
short token_queue[5];

#ifndef NO_MARK
byte look;            // bit n: the node of thread n is marked
#define told(n) ((look >> n) & 1)
#else
#define told(n) 0
#endif
byte given;           // waiters notified by notify()
byte taken;           // waiters returned from wait() notified
byte entitled;        // bit n: thread n waited when one was given
bit somebody_died;

#define waits(n) (node[n] == waiting && !is_dead(n))
#define dies_notified(n) (node[n] == notified && is_dead(n))
#ifdef NO_PASS_ON
#define is_passed_over(n) is_dead(n)
#else
#define is_passed_over(n) (node[n] == waiting && is_dead(n))
#endif
#define some_died_notified (dies_notified(1) || dies_notified(2) || dies_notified(3))
#define forgotten(n) (waits(n) && (entitled & bit_of(n)))
#define oversleeps(n) (node[n] == notified && !is_dead(n))

inline wake(n) {
  if
  :: node_queue[n] != 0 -> wake_one(node_queue[n])
  :: else
  fi
}
inline wake_all(queue) {
  wake_one(queue); wake_one(queue); wake_one(queue)
}
inline leave_queues() {
  node_queue[me] = 0;
  pull(token_queue[1]); pull(token_queue[2]); pull(token_queue[3]);
  woken = woken & ~bit_of(me)
}

// condition_node::first_waiter: the living waiter with the lowest ticket above `after`.
inline first_of(n, after) {
  if
  :: waits(n) && ticket[n] > after && (target == 0 || ticket[n] < ticket[target]) -> target = n
  :: else
  fi
}
inline find_first_waiter(after) {
  target = 0;
  first_of(1, after); first_of(2, after); first_of(3, after)
}
// condition_node::before: who came last before this one and has not come back; of the dead, who was notified.
inline last_of(n) {
  if
  :: node[n] != idle && ticket[n] < ticket[me] && !is_passed_over(n) &&
     (before == 0 || ticket[n] > ticket[before]) -> before = n
  :: else
  fi
}
inline find_before() {
  before = 0;
  last_of(1); last_of(2); last_of(3);
  printf("%d is behind %d\n", me, before)
}

proctype thread(byte me) {
  byte before;           // who waits before this one
  byte source, target;   // the dead waiter whose notification is passed on, 0 for none; who is notified
  byte count;            // of notify()
  byte named;            // what list_op_pending named before
  bit timed, result;
  bit sleeps_next;       // after the release
  bit paying, again;     // wakes whom the lock owes that; before another notification

  if
  :: atomic { holder == 0 || is_dead(holder) -> holder = me; if :: me == 4 -> goto notifies :: me != 4 fi }
  :: atomic { true -> goto ends }
  OR_DIES
  fi;

  // wait()
  if
  :: atomic { true -> turns++; ticket[me] = turns; node[me] = waiting; printf("%d waits\n", me) }  // condition::begin
  OR_DIES
  fi;
  if
  :: atomic { true -> find_before() }
  OR_DIES
  fi;
  if
  :: atomic { true -> sleeps_next = 1;                                 // give_up
#ifdef TIMED
       if
       :: me == 2 -> timed = 1
       :: timed = 0
       fi
#endif
       ; goto releases
     }
  OR_DIES
  fi;

looks:  // condition::sleep
  if
  :: atomic { node[me] != waiting -> result = 1; goto takes_back }
  :: atomic { node[me] == waiting }
  OR_DIES
  fi;
  if
  :: atomic { timed && node[me] == waiting -> node[me] = idle; printf("%d gives up\n", me); goto takes_back }  // deadline.passed()
  :: atomic { timed && node[me] != waiting -> result = 1; goto takes_back }
#ifndef NO_WATCH
  :: atomic { before != 0 && is_dead(before) -> goto wakes_up }        // sleep_on: if (is_dead(owner)) return true
#endif
  :: atomic { !(before != 0 && is_dead(before)) && node[me] == waiting && !told(me) -> node_queue[me] = me }  // futex_waitv, word by word
  :: atomic { !(before != 0 && is_dead(before)) && (node[me] != waiting || told(me)) -> goto wakes_up }
  OR_DIES
  fi;
#ifndef NO_WATCH
  if
  :: before == 0
  :: atomic { before != 0 && !is_dead(before) -> printf("%d watches %d\n", me, before); push(token_queue[before]) }
  :: atomic { before != 0 && is_dead(before) -> leave_queues(); goto tells }
  OR_DIES
  fi;
#endif
end_sleeps:
  if
  :: atomic { woken & bit_of(me) -> printf("%d wakes up\n", me); leave_queues() }
  :: atomic { timed -> leave_queues() }
#ifdef TICK
  :: atomic { timeout && some_died_notified -> printf("%d looks by itself\n", me); leave_queues(); goto passes_on }
  :: atomic { timeout && node[me] == notified -> printf("%d looks by itself\n", me); leave_queues() }
#endif
  OR_DIES
  fi;
tells:  // sleep_on: if the watched one is dead, futex_wake(token, all_waiters)
  if
  :: before == 0
  :: atomic { before != 0 && !is_dead(before) }
  :: atomic { before != 0 && is_dead(before) -> wake_all(token_queue[before]) }
  OR_DIES
  fi;
wakes_up:
  if
  :: atomic { node[me] != waiting -> goto looks }
  :: atomic { node[me] == waiting && before != 0 && is_dead(before) -> printf("%d finds %d dead\n", me, before)
#ifndef NO_PASS_ON
       ; goto passes_on
#endif
     }
  :: atomic { node[me] == waiting && !(before != 0 && is_dead(before)) }
  OR_DIES
  fi;
follows:
#ifndef NO_MARK
  if
  :: atomic { true -> look = look & ~bit_of(me) }
  OR_DIES
  fi;
#endif
  if
  :: atomic { true -> find_before(); goto looks }
  OR_DIES
  fi;

takes_back:
  if
  :: atomic { holder == 0 || is_dead(holder) -> holder = me }
  OR_DIES
  fi;
  if
  :: atomic { true -> node[me] = idle; taken = taken + result; printf("%d returns %d\n", me, result); result = 0; timed = 0 }
  OR_DIES
  fi;
#ifndef NO_HAND_ON
  if                                                                   // condition_node::hand_on
  :: before == 0 -> goto releases
#ifdef NO_PASS_ON
  :: atomic { before != 0 && is_dead(before) -> goto releases }
#else
  :: atomic { before != 0 && is_dead(before) -> goto passes_on }
#endif
  :: atomic { before != 0 && !is_dead(before) && node[before] == idle -> goto releases }
  :: atomic { before != 0 && !is_dead(before) && node[before] != idle }
  OR_DIES
  fi;
  if
  :: atomic { true -> find_first_waiter(ticket[me]); if :: target == 0 -> goto releases :: target != 0 fi }
  OR_DIES
  fi;
#ifndef NO_MARK
  if
  :: atomic { true -> if :: node[target] == waiting -> look = look | bit_of(target) :: else fi }
  OR_DIES
  fi;
#endif
  if
  :: atomic { true -> printf("%d wakes %d to watch anew\n", me, target); wake(target); target = 0 }
  OR_DIES
  fi;
#endif
releases:  // lock::release
  if
  :: atomic { due == 0 -> holder = 0; goto released }
  :: atomic { due != 0 -> source = due
#ifndef NO_PENDING
       ; pending[me] = due
#endif
     }
  OR_DIES
  fi;
  if
  :: atomic { true -> due = 0 }
  OR_DIES
  fi;
  if
  :: atomic { true -> holder = 0 }
  OR_DIES
  fi;
pays:  // condition_node::wake_due
#ifndef NO_DUES
  if
  :: atomic { true -> wake(source) }
  OR_DIES
  fi;
#endif
  if
  :: atomic { again -> due = 0 }
  :: atomic { !again }
  OR_DIES
  fi;
  if
  :: atomic { is_dead(source) && node[source] == notified -> paying = 1; goto chooses }  // pass_on_from
  :: atomic { !is_dead(source) || node[source] != notified }
  OR_DIES
  fi;
paid:
  if
  :: atomic { true -> pending[me] = 0; source = 0 }
  OR_DIES
  fi;
released:
  atomic {
    if
    :: again -> again = 0; goto chooses
    :: !again && sleeps_next -> sleeps_next = 0; goto looks
    :: !again && !sleeps_next -> before = 0; goto ends
    fi
  };

passes_on:  // condition_node::pass_on, a slot after the other
  if
  :: atomic { true ->
       if
       :: source < 1 && dies_notified(1) -> source = 1
       :: source < 2 && dies_notified(2) && !(source < 1 && dies_notified(1)) -> source = 2
       :: source < 3 && dies_notified(3) && !(source < 1 && dies_notified(1)) && !(source < 2 && dies_notified(2)) -> source = 3
       :: else ->
         source = 0;
         if
         :: node[me] == idle -> goto releases  // that was hand_on
         :: node[me] == notified -> goto follows
         :: node[me] == waiting -> goto follows
         fi
       fi;
#ifdef FORGET_FIRST
       node[source] = idle
#endif
     }
  OR_DIES
  fi;
  goto chooses;

notifies:
  if
  :: atomic { given < NOTIFICATIONS ->
       if
       :: count = 1
       :: NOTIFICATIONS - given > 1 -> count = 2
       fi;
       printf("%d calls notify(%d)\n", me, count) }
  :: atomic { true -> goto releases }
  OR_DIES
  fi;

chooses:  // condition_node::notify
  if
  :: atomic { true -> find_first_waiter(0);
       if
       :: target != 0 && source == 0 && due != 0 -> target = 0; source = due; again = 1; goto pays
       :: else
       fi;
       if
       :: target == 0 && source == 0 -> count = 0; goto releases
       :: target == 0 && source != 0 -> goto passed_on
       :: target != 0
       fi;
#ifndef NO_PENDING
       named = pending[me]; pending[me] = target
#endif
     }
  OR_DIES
  fi;
  if
  :: atomic { node[target] == waiting -> node[target] = notified; printf("%d notifies %d\n", me, target);
       if
       :: source == 0 ->
         given++;
         entitled = entitled | (waits(1) << 1) | (waits(2) << 2) | (waits(3) << 3)
       :: source != 0
       fi }
  :: atomic { node[target] != waiting -> pending[me] = named; named = 0; target = 0; goto chooses }
  OR_DIES
  fi;
  if
  :: atomic { source == 0 -> due = target; target = 0; named = 0;
#ifdef UNNAMED
       pending[me] = 0;
#endif
       goto chosen }
  :: atomic { source != 0 }
  OR_DIES
  fi;
  if
  :: atomic { true -> wake(target) }
  OR_DIES
  fi;
  if                                                                   // wasted
  :: atomic { is_dead(target) && node[target] == notified -> node[target] = idle; pending[me] = named; named = 0; target = 0;
       goto chooses }
  :: atomic { !is_dead(target) || node[target] != notified -> pending[me] = named; named = 0; target = 0 }
  OR_DIES
  fi;
chosen:
  if
  :: source == 0 && count > 1 -> count--; goto chooses
  :: source == 0 && count <= 1 -> count = 0; goto notifies  // another call with the lock still held, or none
  :: source != 0
  fi;
passed_on:
  if
  :: atomic { true ->
       if
       :: node[source] == notified -> node[source] = idle
       :: node[source] != notified
       fi;
       if
       :: paying -> paying = 0; goto paid
       :: !paying -> goto passes_on
       fi }
  OR_DIES
  fi;

dies:  // the kernel: exit_robust_list, handle_futex_death
  atomic { true -> leave_queues(); somebody_died = 1; dead = dead | bit_of(me);
    before = 0; source = 0; target = 0; count = 0; named = 0; timed = 0; result = 0; sleeps_next = 0; paying = 0; again = 0 };
  atomic { true -> wake_one(token_queue[me]) };
  if
  :: atomic { pending[me] != 0 && node[pending[me]] == notified }
  :: atomic { pending[me] == 0 || node[pending[me]] != notified -> goto ends }
  fi;
  atomic { true -> printf("the kernel wakes %d in %d's stead\n", pending[me], me); wake(pending[me]) };
ends:
  pending[me] = 0
}

#ifdef TICK
#define over timeout && !(some_died_notified && (waits(1) || waits(2) || waits(3))) && !(oversleeps(1) || oversleeps(2) || oversleeps(3))
#else
#define over timeout
#endif

init {
  atomic {
    choose_deaths();
    run thread(1); run thread(2); run thread(3); run thread(4)
  };
  atomic { over ->
    assert(!(forgotten(1) || forgotten(2) || forgotten(3)) || taken >= given);
    assert(!(oversleeps(1) || oversleeps(2) || oversleeps(3)));
    assert(somebody_died || taken == given) }
}
