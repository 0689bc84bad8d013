// SPDX-License-Identifier: BSL-1.0
/// \file
/// What others offer for the same purpose, in shared memory and behind the names of the standard library.
#pragma once

#include "engine/sides.hpp"

#include <pthread.h>
#include <semaphore.h>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_recursive_mutex.hpp>

#include <atomic>
#include <cstdint>

namespace benchmark {

/// A handle of a lock that lies in a shared mapping.
template <class Mutex>
class InSharedMemory {
 public:
  void lock() const { mutex_->lock(); }
  void unlock() const { mutex_->unlock(); }

 private:
  SharedBox<Mutex> mutex_;
};

template <int type, int robustness>
class PthreadMutex {
 public:
  PthreadMutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_settype(&attributes, type);
    ::pthread_mutexattr_setrobust(&attributes, robustness);
    ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }
  ~PthreadMutex() { ::pthread_mutex_destroy(&mutex_); }

  void lock() { ::pthread_mutex_lock(&mutex_); }
  void unlock() { ::pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

class PosixSemaphore {
 public:
  PosixSemaphore() { ::sem_init(&semaphore_, 1, 1); }
  ~PosixSemaphore() { ::sem_destroy(&semaphore_); }

  void lock() {
    while (::sem_wait(&semaphore_) != 0) {
    }
  }
  void unlock() { ::sem_post(&semaphore_); }

 private:
  sem_t semaphore_;
};

/// The least that any lock must do: no lock at all, only the two changes of its word.
class TwoExchanges {
 public:
  void lock() { change(0, 1); }
  void unlock() { change(1, 0); }

 private:
  void change(std::uint32_t from, std::uint32_t to) { word_.compare_exchange_strong(from, to); }

  std::atomic<std::uint32_t> word_{0};
};

/// The least that processes must do that work on one number: it goes from one to the other once a turn.
class OneAddition {
 public:
  void lock() { number_.fetch_add(1); }
  void unlock() {}

 private:
  std::atomic<std::uint64_t> number_{0};
};

using PlainMutex = InSharedMemory<PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED>>;
using RobustMutex = InSharedMemory<PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST>>;
using RecursiveMutex = InSharedMemory<PthreadMutex<PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED>>;
using RobustRecursiveMutex = InSharedMemory<PthreadMutex<PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST>>;
using BoostMutex = InSharedMemory<boost::interprocess::interprocess_mutex>;
using BoostRecursiveMutex = InSharedMemory<boost::interprocess::interprocess_recursive_mutex>;
using SemaphoreLock = InSharedMemory<PosixSemaphore>;

}  // namespace benchmark
