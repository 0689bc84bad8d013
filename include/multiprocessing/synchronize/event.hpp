// SPDX-License-Identifier: BSL-1.0
/// \file
/// Event: a flag that processes wait for.
#pragma once

#include <multiprocessing/detail/memory/kind_text.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/memory/spin_budget.hpp>
#include <multiprocessing/detail/memory/waiting.hpp>
#include <multiprocessing/time.hpp>

#include <atomic>
#include <cstdint>
#include <ostream>
#include <string>

namespace multiprocessing {

namespace detail {

/// An event as it lies in shared memory. Changing this raises `ArenaHeader::current_version`.
///
/// word                 set                                    clear             wait
/// 0          set       nothing                                CAS to a new C    returns
/// W          set, the  nothing                                CAS to C|W,       returns; if it slept, it first wakes the others,
///            ring is under way, or its ringer dead            wake all          or says that they are awake (below)
/// C          clear     CAS to 0                               nothing           CAS to C|W, then as below
/// C|W        clear,    name the word to the kernel, and who   nothing           sleeps on C|W; C gone: it was set meanwhile
///            some may  rings; CAS to W, wake all, CAS to 0
///            sleep
///
/// C is bit 29 and a number of 29 bits that no earlier C of the last half a billion had, so a waiter never misses a set that
/// a clear follows at once. Killed between CAS and wake: the word's low 30 bits are zero, the kernel wakes one sleeper, and
/// he, finding W, wakes the rest. Killed just woken: the same. Cleared before the kernel looked, the low bits are not zero any
/// more: so who clears a W wakes them all.
///
/// One call wakes all, so a sleeper that a call has woken, while the ringer lives, knows that all are awake: it takes W away, and
/// neither it nor who clears the event next needs a call. (Had the call been the kernel's, for one who died just then, it would
/// take the ringer's death as well, before its own call, to leave the others to `last_resort`.)
struct EventState {
  FutexWord word{word_owner};
  std::atomic<std::uint32_t> clears{0};      // the last number given to a C
  std::atomic<std::uint32_t> ringer{0};      // OwnerRef of who rang last
  std::atomic<std::int32_t> ringer_cpu{-1};  // where it ran
};

namespace event {

inline bool is_set(std::uint32_t word) noexcept { return (word & word_value) == 0; }

// Says that nobody sleeps any more who slept before the event was set.
inline void all_awake(EventState& state) noexcept {
  std::uint32_t ringing = word_waiters;
  state.word.compare_exchange_strong(ringing, 0, std::memory_order_relaxed);
}

inline void set(const ThreadIdentity& self, EventState& state) noexcept {
  std::uint32_t seen = state.word.load(std::memory_order_relaxed);
  // Release: what came before set() is seen by who returns from wait(). Tried first without naming the word: with nobody
  // asleep nothing can be owed.
  while (!is_set(seen) && (seen & word_waiters) == 0)
    if (state.word.compare_exchange_weak(seen, 0, std::memory_order_release, std::memory_order_relaxed)) return;
  if (is_set(seen)) {
    state.word.fetch_or(0, std::memory_order_release);  // this set() is seen too, though the event was set
    return;
  }
  const PendingGuard pending(self, state.word);
  while (!is_set(seen)) {
    state.ringer.store(self.owner.bits(), std::memory_order_relaxed);  // before the CAS, whose release publishes it
    state.ringer_cpu.store(current_cpu(), std::memory_order_relaxed);
    if (!state.word.compare_exchange_weak(seen, seen & word_waiters, std::memory_order_release,
                                          std::memory_order_relaxed))
      continue;
    if ((seen & word_waiters) != 0) {
      futex_wake(state.word, all_waiters);
      // If another rings by now, W is its own.
      if (OwnerRef(state.ringer.load(std::memory_order_relaxed)) == self.owner) all_awake(state);
    }
    return;
  }
}

inline void clear(EventState& state) noexcept {
  std::uint32_t seen = state.word.load(std::memory_order_relaxed);
  if (!is_set(seen)) return;
  const std::uint32_t cleared = word_owner | (state.clears.fetch_add(1, std::memory_order_relaxed) + 1) % word_owner;
  for (;;) {
    if (!is_set(seen)) return;
    if (state.word.compare_exchange_weak(seen, cleared | (seen & word_waiters), std::memory_order_acq_rel,
                                         std::memory_order_relaxed))
      break;
  }
  if ((seen & word_waiters) != 0) futex_wake(state.word, all_waiters);
}

// For one who has slept and finds `seen`, in which the event is set, or was and is cleared: sees to it that all are woken.
inline void pass_on(const ThreadIdentity& self, EventState& state, std::uint32_t seen, WakeUp by) noexcept {
  if ((seen & word_waiters) == 0) return;
  const OwnerRef ringer(state.ringer.load(std::memory_order_relaxed));
  if (is_set(seen) && by == WakeUp::call && ringer && !is_dead(self.arena, ringer)) return all_awake(state);
  futex_wake(state.word, all_waiters);
  if (is_set(seen)) all_awake(state);
}

// How long the calling thread looks at an event before it sleeps.
inline thread_local constinit SpinBudget spin_budget{};

inline bool wait(const ThreadIdentity& self, EventState& state, Timeout timeout) {
  // Acquire: what came before set() is seen.
  std::uint32_t seen = state.word.load(std::memory_order_acquire);
  if (is_set(seen)) return true;
  if (timeout.zero()) return false;
  const std::uint32_t waited_for = seen & word_value;
  const auto was_set = [&] {
    seen = state.word.load(std::memory_order_acquire);
    return (seen & word_value) != waited_for;  // set, or set and cleared again
  };
  const bool spins = may_spin(self);
  if (spins) {
    for (int i = spin_budget.pauses(); i > 0; --i) {
      cpu_pause();
      if (was_set()) return true;
    }
  }
  const Deadline deadline(timeout);
  const IntentGuard intent(self, Intent::wait, &state.word);
  const PendingGuard pending = PendingGuard::of_wait(self, state.word);
  for (;;) {
    if (was_set()) return true;
    if (deadline.passed()) return false;
    if ((seen & word_waiters) == 0 &&
        !state.word.compare_exchange_weak(seen, seen | word_waiters, std::memory_order_relaxed))
      continue;
    const auto began = spins ? Deadline::clock::now() : Deadline::clock::time_point();
    const WakeUp by = futex_wait(state.word, waited_for | word_waiters, deadline.at_most(last_resort));
    if (!was_set()) continue;
    pass_on(self, state, seen, by);
    if (by == WakeUp::time && !deadline.passed())
      self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
    if (spins)
      spin_budget.spun_in_vain(Deadline::clock::now() - began,
                               state.ringer_cpu.load(std::memory_order_relaxed) == current_cpu());
    return true;
  }
}

}  // namespace event

inline constexpr KindText event_text{
    nullptr, [](const ArenaMemory&, const void* state) {
      const std::uint32_t word = static_cast<const EventState*>(state)->word.load(std::memory_order_acquire);
      return std::string(event::is_set(word) ? "set" : "unset");
    }};
inline const bool event_is_described = describe_kind(ObjectKind::event, event_text);

}  // namespace detail

/// A flag that processes wait for; the counterpart of Python's `multiprocessing.Event`. It begins clear.
///
/// Shared:  copies refer to one event; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    the child sees the event as it was.
/// Death:   a setter killed inside set() has either not set it, or everyone who waits is woken. A waiter's death concerns
///          nobody else.
/// Cost:    no system call unless someone waits.
class Event {
 public:
  Event()
      : state_(detail::SharedRef<detail::EventState>::make(detail::ObjectKind::event, 0,
                                                           [](void* at) { return new (at) detail::EventState; })) {}

  bool is_set() const { return detail::event::is_set(state_->word.load(std::memory_order_acquire)); }
  /// Sets the flag and wakes all who wait. They return true even if it is cleared before they run.
  void set() const { detail::event::set(detail::this_thread(), *state_); }
  void clear() const { detail::event::clear(*state_); }
  /// Waits until the flag is set or `timeout` has passed; returns whether it was set.
  bool wait(Timeout timeout = std::nullopt) const {
    return detail::event::wait(detail::this_thread(), *state_, timeout);
  }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    state_.serialize(archive);
  }

  /// Whether both refer to one event.
  friend bool operator==(const Event&, const Event&) = default;

  /// Python's `<Event at 0x... set>`, without the address, which means nothing elsewhere: `<Event set>`, `<Event unset>`.
  friend std::ostream& operator<<(std::ostream& out, const Event& event) {
    return out << (event.is_set() ? "<Event set>" : "<Event unset>");
  }

 private:
  detail::SharedRef<detail::EventState> state_;
};

}  // namespace multiprocessing
