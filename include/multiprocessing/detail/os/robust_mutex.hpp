// SPDX-License-Identifier: BSL-1.0
/// \file
/// RobustMutex: a pthread mutex in shared memory that outlives its owner.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/robust_list.hpp>

#include <linux/futex.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace multiprocessing::detail {

/// A process-shared robust pthread mutex. Bytes of zero are not a valid one: call init() first, once.
///
/// Used inside the arena only, where it is never unmapped: a robust mutex in an unmapped page would make the kernel
/// stop before the thread's other ones.
class RobustMutex {
 public:
  enum class Result : int { taken, busy, owner_died };

  void init() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    const int error = ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    if (error != 0) throw_os_error(error, "pthread_mutex_init of a robust mutex shared between processes");
  }

  /// Waits for the mutex. After owner_died it is held, and what it guards must be repaired before consistent().
  ///
  /// Looks again every so often: who is woken, overtaken by a newcomer and killed has left the word without the mark of those
  /// who still sleep, and glibc would let them sleep for ever.
  Result lock() {
    pay();
    int error = ::pthread_mutex_trylock(&mutex_);
    if (error != EBUSY) [[likely]] return result(error);
    do {
      timespec deadline = monotonic_now();
      deadline.tv_nsec += look_again_ns;
      if (deadline.tv_nsec >= 1'000'000'000) deadline.tv_nsec -= 1'000'000'000, ++deadline.tv_sec;
      error = ::pthread_mutex_clocklock(&mutex_, CLOCK_MONOTONIC, &deadline);
    } while (error == ETIMEDOUT);
    return result(error);
  }
  Result try_lock() {
    pay();
    return result(::pthread_mutex_trylock(&mutex_));
  }
  /// Declares what it guards whole again.
  void consistent() { ::pthread_mutex_consistent(&mutex_); }
  void unlock() {
    pay();
    ::pthread_mutex_unlock(&mutex_);
  }

  /// The word that the kernel marks when the owner dies: glibc's first field, which self_test() proves.
  const std::atomic<std::uint32_t>& word() const noexcept {
    return *reinterpret_cast<const std::atomic<std::uint32_t>*>(&mutex_);
  }
  /// Asks the kernel to wake a sleeper on word() when the owner dies. Only by the owner.
  void ask_for_wake() noexcept {
    reinterpret_cast<std::atomic<std::uint32_t>*>(&mutex_)->fetch_or(FUTEX_WAITERS, std::memory_order_relaxed);
  }

 private:
  static constexpr long look_again_ns = 100'000'000;

  // glibc names the mutex to the kernel, and nothing any more when it is done.
  static void pay() noexcept {
    if (const RobustList list = RobustList::known()) list.pay();
  }

  static timespec monotonic_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now;
  }

  static Result result(int error) {
    switch (error) {
      case 0: return Result::taken;
      case EBUSY: return Result::busy;
      case EOWNERDEAD: return Result::owner_died;
      default: throw_os_error(error, "lock of a robust mutex in the arena");
    }
  }

  pthread_mutex_t mutex_;
};

/// The id of the living thread that holds a token, as the token's word says; 0 for none, or a dead one.
inline std::uint32_t token_owner(std::uint32_t word) noexcept {
  return (word & FUTEX_OWNER_DIED) != 0 ? 0 : word & FUTEX_TID_MASK;
}
inline bool token_lives(std::uint32_t word) noexcept { return token_owner(word) != 0; }

/// Holds a RobustMutex for a scope; `repair` runs first when the last owner died, and may run again if this one dies.
class RobustGuard {
 public:
  template <class Repair>
  RobustGuard(RobustMutex& mutex, Repair repair) : mutex_(mutex) {
    if (mutex_.lock() != RobustMutex::Result::owner_died) return;
    repair();
    mutex_.consistent();
  }
  RobustGuard(const RobustGuard&) = delete;
  RobustGuard& operator=(const RobustGuard&) = delete;
  ~RobustGuard() { mutex_.unlock(); }

 private:
  RobustMutex& mutex_;
};

}  // namespace multiprocessing::detail
