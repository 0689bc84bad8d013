// SPDX-License-Identifier: BSL-1.0
/// \file
/// BarrierState: a barrier as it lies in shared memory, and its protocol.
#pragma once

#include <multiprocessing/detail/memory/bell.hpp>
#include <multiprocessing/detail/memory/kind_text.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/errors.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <utility>

namespace multiprocessing {

/// Python's `threading.BrokenBarrierError`: the barrier broke while this thread waited, or was broken.
struct BrokenBarrierError : RuntimeError {
  using RuntimeError::RuntimeError;
};

namespace detail {

/// Which phase a barrier is in, whether it is broken, and how the last 31 phases ended; in one word, so that one store ends a
/// phase for everybody.
class BarrierPhase {
 public:
  constexpr explicit BarrierPhase(std::uint64_t bits) : bits_(bits) {}
  constexpr std::uint64_t bits() const { return bits_; }
  constexpr std::uint32_t number() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  constexpr bool broken() const { return (bits_ & 1) != 0; }
  /// The next phase, whole; this one ended well, or was reset under those who waited.
  constexpr BarrierPhase next(bool ended_well) const {
    const auto history = static_cast<std::uint32_t>(bits_ & 0xfffffffe) << 1 | (ended_well ? 0u : 2u);
    return BarrierPhase(std::uint64_t{number() + 1} << 32 | (history & 0xfffffffeu));
  }
  constexpr BarrierPhase as_broken() const { return BarrierPhase(bits_ | 1); }
  /// Whether phase `phase`, which is over, ended well. Who sleeps through more than 31 phases is told that it did: where
  /// more threads than parties pass quickly that happens to any of them, while resets are few.
  constexpr bool ended_well(std::uint32_t phase) const {
    const std::uint32_t ago = number() - phase;
    return ago > 31 || (bits_ >> ago & 1) == 0;
  }

 private:
  std::uint64_t bits_;
};

/// The truth is `phase`, and who has arrived: an entry counts when it names the present phase, so a new phase empties all by
/// the one store. Everyone who sleeps names the bell to the kernel: a death wakes one of the others, who finds it among the
/// arrived. Changed in the monitor only. Changing this raises `ArenaHeader::current_version`.
struct BarrierState {
  explicit BarrierState(std::uint32_t count) : parties(count) {}

  LockState monitor;
  // One for the even phases and one for the odd: else who has just seen that its phase still runs, and is overtaken by the end of it
  // and by the next one's first sleeper, would find the word as it should be and sleep.
  std::array<Bell, 2> bells;
  std::uint32_t parties;
  std::atomic<std::uint64_t> phase{0};  // BarrierPhase

  Bell& bell_of(std::uint32_t phase_number) { return bells[phase_number & 1]; }

  // Behind it: for each party who arrived, in which phase.
  std::atomic<std::uint64_t>& arrived(std::uint32_t i) {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1)[i];
  }
  const std::atomic<std::uint64_t>& arrived(std::uint32_t i) const {
    return reinterpret_cast<const std::atomic<std::uint64_t>*>(this + 1)[i];
  }

  static SharedRef<BarrierState> make(std::uint32_t parties) {
    return SharedRef<BarrierState>::make(
        ObjectKind::barrier, parties * sizeof(std::atomic<std::uint64_t>), [&](void* at) {
          auto* state = new (at) BarrierState(parties);
          for (std::uint32_t i = 0; i < parties; ++i)
            new (&state->arrived(i)) std::atomic<std::uint64_t>(std::uint64_t{0xffffffff} << 32);
          return state;
        });
  }
};
static_assert(sizeof(BarrierState) % 8 == 0);

template <class Count>
std::uint32_t checked_parties(Count parties) {
  if (std::cmp_less(parties, 1) || std::cmp_greater(parties, slot_limit))
    throw ValueError("Barrier: parties must be from 1 to " + std::to_string(slot_limit) + ", not " +
                     std::to_string(parties));
  return static_cast<std::uint32_t>(parties);
}

namespace barrier {

inline BarrierPhase phase_of(const BarrierState& state) noexcept {
  return BarrierPhase(state.phase.load(std::memory_order_acquire));  // with the releases below, for who looks unlocked
}
inline void set(BarrierState& state, BarrierPhase phase) noexcept {
  state.phase.store(phase.bits(), std::memory_order_release);
}

// How many have arrived in this phase, and whether one of them has died.
struct Arrived {
  std::uint32_t count = 0;
  bool died = false;
};
inline Arrived arrived(const ArenaMemory& arena, const BarrierState& state) noexcept {
  const std::uint32_t phase = phase_of(state).number();
  Arrived all;
  for (; all.count < state.parties; ++all.count) {
    const std::uint64_t entry = state.arrived(all.count).load(std::memory_order_relaxed);
    if (static_cast<std::uint32_t>(entry >> 32) != phase) break;
    all.died |= is_dead(arena, OwnerRef(static_cast<std::uint32_t>(entry)));
  }
  return all;
}

[[noreturn]] inline void throw_broken(const char* why) {
  throw BrokenBarrierError(std::string("Barrier.wait: the barrier is broken: ") + why + "; reset() makes it whole");
}

// Breaks the barrier for those who wait and those who come; leaves the monitor.
inline void break_it(const ThreadIdentity& self, MonitorGuard& monitor, BarrierState& state) noexcept {
  const bell::RingAll ring(self, monitor, state.bell_of(phase_of(state).number()));
  set(state, phase_of(state).as_broken());
}

// What a wait in `phase`, which is over or broken, comes to.
inline std::uint32_t result_of(const BarrierState& state, std::uint32_t phase, std::uint32_t index) {
  const BarrierPhase now = phase_of(state);
  if (now.number() == phase)
    throw_broken("it was aborted, somebody's wait timed out, an action threw, or one who waited has died");
  if (!now.ended_well(phase)) throw_broken("it was aborted or reset");
  return index;
}

// The last to arrive: runs the action, then lets all go.
inline std::uint32_t release(const ThreadIdentity& self, MonitorGuard& monitor, BarrierState& state,
                             const std::function<void()>* action) {
  const BarrierPhase phase = phase_of(state);
  const std::uint32_t index = state.parties - 1;
  if (action == nullptr) {
    const bell::RingAll ring(self, monitor, state.bell_of(phase.number()));
    set(state, phase.next(true));
    return index;
  }
  // It arrives in the table too, so that its death in the action is found; and names the bell, so that somebody looks.
  state.arrived(index).store(std::uint64_t{phase.number()} << 32 | self.owner.bits(), std::memory_order_relaxed);
  const PendingGuard pending(self, state.bell_of(phase.number()).word);
  monitor.unlock();
  try {
    (*action)();
  } catch (...) {
    monitor.lock();
    if (phase_of(state).number() == phase.number()) break_it(self, monitor, state);
    throw;
  }
  monitor.lock();
  const BarrierPhase now = phase_of(state);
  if (now.number() != phase.number() || now.broken()) {
    monitor.unlock();
    throw_broken("it was aborted or reset while the action ran");
  }
  const bell::RingAll ring(self, monitor, state.bell_of(phase.number()));
  set(state, phase.next(true));
  return index;
}

// For one who comes while the action of a full phase runs, as when more threads use the barrier than it has parties: waits until
// that phase is over. Nobody's time is up meanwhile, as in Python, where the action runs under the barrier's lock.
inline void await_end_of_action(const ThreadIdentity& self, MonitorGuard& monitor, BarrierState& state) {
  const BarrierPhase phase = phase_of(state);
  Bell& bell = state.bell_of(phase.number());
  const PendingGuard pending = PendingGuard::of_wait(self, bell.word);
  const OwnerRef runner(static_cast<std::uint32_t>(state.arrived(state.parties - 1).load(std::memory_order_relaxed)));
  while (phase_of(state).bits() == phase.bits() && !is_dead(self.arena, runner)) {
    bell::announce(bell);
    monitor.unlock();
    bell::sleep(self.arena, bell, std::array{runner}, Deadline(std::nullopt));
    bell::pass_on(self.arena, bell);
    monitor.lock();
  }
}

inline std::uint32_t wait(const ThreadIdentity& self, BarrierState& state, Timeout timeout,
                          const std::function<void()>* action) {
  MonitorGuard monitor(self, state.monitor);
  Arrived all;
  for (;;) {
    if (phase_of(state).broken()) throw_broken("it was before");
    all = arrived(self.arena, state);
    if (all.died) {
      break_it(self, monitor, state);
      throw_broken("one who waited has died");
    }
    if (all.count < state.parties) break;
    await_end_of_action(self, monitor, state);
  }
  const std::uint32_t index = all.count;
  if (index == state.parties - 1) return release(self, monitor, state, action);

  const std::uint32_t phase = phase_of(state).number();
  Bell& bell = state.bell_of(phase);
  const Deadline deadline(timeout);
  const IntentGuard intent(self, Intent::wait, &bell.word);
  const PendingGuard pending = PendingGuard::of_wait(self, bell.word);  // before the arrival: from then on a death concerns the others
  state.arrived(index).store(std::uint64_t{phase} << 32 | self.owner.bits(), std::memory_order_relaxed);
  const auto over = [&] { return phase_of(state).number() != phase || phase_of(state).broken(); };
  bool full = false;  // all are there, and the action runs
  for (bool first = true;; first = false) {
    bell::announce(bell);
    monitor.unlock();
    for (int i = 0; first && may_spin(self) && i < lock::spins && !over(); ++i) cpu_pause();
    if (!over()) bell::sleep(self.arena, bell, {}, full ? Deadline(std::nullopt) : deadline);
    bell::pass_on(self.arena, bell);
    if (over()) return result_of(state, phase, index);
    monitor.lock();
    if (over()) return result_of(state, phase, index);
    all = arrived(self.arena, state);
    full = all.count == state.parties;
    if (!all.died && (full || !deadline.passed())) continue;
    break_it(self, monitor, state);
    throw_broken(all.died ? "one who waited has died" : "the wait timed out");
  }
}

inline void abort(const ThreadIdentity& self, BarrierState& state) {
  MonitorGuard monitor(self, state.monitor);
  break_it(self, monitor, state);
}

inline void reset(const ThreadIdentity& self, BarrierState& state) {
  MonitorGuard monitor(self, state.monitor);
  const BarrierPhase phase = phase_of(state);
  if (!phase.broken() && arrived(self.arena, state).count == 0) return;
  const bell::RingAll ring(self, monitor, state.bell_of(phase.number()));
  set(state, phase.next(false));
}

inline bool is_broken(const ThreadIdentity& self, BarrierState& state) {
  MonitorGuard monitor(self, state.monitor);
  if (!phase_of(state).broken() && arrived(self.arena, state).died) break_it(self, monitor, state);
  return phase_of(state).broken();
}

inline std::uint32_t n_waiting(const ThreadIdentity& self, BarrierState& state) {
  if (is_broken(self, state)) return 0;
  const MonitorGuard monitor(self, state.monitor);
  return phase_of(state).broken() ? 0 : arrived(self.arena, state).count;
}

}  // namespace barrier

inline constexpr KindText barrier_text{
    nullptr, [](const ArenaMemory& arena, const void* at) {
      const auto& state = *static_cast<const BarrierState*>(at);
      if (barrier::phase_of(state).broken()) return std::string("broken");
      return std::to_string(barrier::arrived(arena, state).count) + " of " + std::to_string(state.parties) + " have arrived";
    }};
inline const bool barrier_is_described = describe_kind(ObjectKind::barrier, barrier_text);

}  // namespace detail

}  // namespace multiprocessing
