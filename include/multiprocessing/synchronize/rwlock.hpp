// SPDX-License-Identifier: BSL-1.0
/// \file
/// RWLock: a lock that many may read under, or one write.
#pragma once

#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/synchronize/rwlock_state.hpp>
#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <ostream>

namespace multiprocessing {

/// A readers-writer lock that processes share; Python has none, its users ask for one. For `std::shared_lock` and
/// `std::unique_lock`.
///
///                  acquire()   acquire_shared()                        release()            release_shared()
/// free             written     read                                    throws               throws
/// read by some     waits       read, but waits where a writer waits    throws               by a reader: free after the last
/// written          waits       waits                                   by the writer: free  throws
///
/// Who reads may read again at once, also where a writer waits; who writes may not take it again, and who reads has to stop before
/// it writes: both would wait for ever. Owned: who took it releases it. A writer that waits keeps later readers out; when a writer
/// leaves, all who wait to read and one who waits to write are woken, and the quicker goes in.
///
/// Shared:  copies refer to one lock; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process. Up to 126 threads read at once; more wait.
/// Fork:    what is held across fork is held by the parent's thread alone.
/// Death:   a dead reader counts no more; after a writer's death the next one goes in, reader or writer, and owner_died() says so
///          until a writer has released it.
/// Cost:    no system call unless someone waits.
class RWLock : public detail::TimedLockable<RWLock> {
 public:
  RWLock()
      : state_(detail::SharedRef<detail::RWLockState>::make(detail::ObjectKind::rwlock, 0,
                                                            [](void* at) { return new (at) detail::RWLockState; })) {}

  /// Takes it for writing, waiting until nobody else holds it or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const {
    return detail::rwlock::acquire(detail::this_thread(), *state_, true, timeout);
  }
  /// Ends writing. Throws AssertionError when the calling thread does not write.
  void release() const {
    if (!detail::rwlock::release_write(detail::this_thread(), *state_))
      throw AssertionError("RWLock.release: this thread does not hold it for writing");
  }
  /// Takes it for reading, waiting until nobody writes or `timeout` has passed; returns whether it was taken.
  bool acquire_shared(Timeout timeout = std::nullopt) const {
    return detail::rwlock::acquire(detail::this_thread(), *state_, false, timeout);
  }
  /// Ends reading. Throws AssertionError when the calling thread does not read.
  void release_shared() const {
    if (!detail::rwlock::release_read(detail::this_thread(), *state_))
      throw AssertionError("RWLock.release_shared: this thread does not hold it for reading");
  }

  /// Whether a writer died in it, and no other has written since: what it guards may be half changed.
  bool owner_died() const { return state_->owner_died.load(std::memory_order_relaxed) != 0; }

  void lock_shared() const { acquire_shared(); }
  bool try_lock_shared() const { return acquire_shared(false); }
  void unlock_shared() const { release_shared(); }
  template <class Rep, class Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> duration) const {
    return acquire_shared(duration);
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> moment) const {
    return acquire_shared(detail::timeout_until(moment));
  }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    state_.serialize(archive);
  }

  /// Whether both refer to one lock.
  friend bool operator==(const RWLock&, const RWLock&) = default;

  /// `<RWLock(writing)>` or `<RWLock(readers=2)>`.
  friend std::ostream& operator<<(std::ostream& out, const RWLock& lock) {
    const detail::OwnerRef writer = lock.state_->writer();
    if (writer && !detail::is_dead(detail::the_arena(), writer)) return out << "<RWLock(writing)>";
    return out << "<RWLock(readers=" << lock.state_->readers.total() << ")>";
  }

 private:
  detail::SharedRef<detail::RWLockState> state_;
};

}  // namespace multiprocessing
