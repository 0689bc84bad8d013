// SPDX-License-Identifier: BSL-1.0
/// \file
/// Event: a flag that processes wait for.
#pragma once

#include <multiprocessing/detail/memory/kind_text.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
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
/// W          set, the  nothing                                CAS to C|W,       returns, waking the others first if it slept
///            ring is under way, or its ringer dead            wake all
/// C          clear     CAS to 0                               nothing           CAS to C|W, then as below
/// C|W        clear,    name the word to the kernel,           nothing           sleeps on C|W; C gone: it was set meanwhile
///            some may  CAS to W, wake all, CAS to 0
///            sleep
///
/// C is bit 29 and a number of 29 bits that no earlier C of the last half a billion had, so a waiter never misses a set that
/// a clear follows at once. Killed between CAS and wake: the word's low 30 bits are zero, the kernel wakes one sleeper, and
/// he, finding W, wakes the rest. Killed just woken: the same. Cleared before the kernel looked, the low bits are not zero any
/// more: so who clears a W wakes them all.
struct EventState {
  FutexWord word{word_owner};
  std::atomic<std::uint32_t> clears{0};  // the last number given to a C
};

namespace event {

inline bool is_set(std::uint32_t word) noexcept { return (word & word_value) == 0; }

// Wakes everyone who slept before the event was set, and says that this is done.
inline void wake_all(EventState& state) noexcept {
  futex_wake(state.word, all_waiters);
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
    if (!state.word.compare_exchange_weak(seen, seen & word_waiters, std::memory_order_release,
                                          std::memory_order_relaxed))
      continue;
    if ((seen & word_waiters) != 0) wake_all(state);
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
  if (may_spin(self)) {
    for (int i = 0; i < lock::spins; ++i) {
      cpu_pause();
      if (was_set()) return true;
    }
  }
  const Deadline deadline(timeout);
  const IntentGuard intent(self, Intent::wait, &state.word);
  const PendingGuard pending(self, state.word);
  for (bool slept = false;; slept = true) {
    if (was_set()) {
      // The setter may have died after waking me alone; W says that nobody has finished to wake all.
      if (slept && (seen & word_waiters) != 0) {
        if (is_set(seen))
          wake_all(state);
        else
          futex_wake(state.word, all_waiters);
      }
      return true;
    }
    if (deadline.passed()) return false;
    if ((seen & word_waiters) == 0 &&
        !state.word.compare_exchange_weak(seen, seen | word_waiters, std::memory_order_relaxed))
      continue;
    const bool by_time_alone = !sleep_on(self.arena, state.word, waited_for | word_waiters, {}, deadline);
    if (by_time_alone && was_set() && !deadline.passed())
      self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
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
