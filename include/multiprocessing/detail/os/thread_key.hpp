// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pointer for each thread, and a call when the thread ends.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>

#include <pthread.h>

namespace multiprocessing::detail {

/// A key of pthread_key_create: unlike a thread_local with a destructor, its value outlives the thread's own objects, and
/// the key means the same in every copy of the library that this process has loaded.
using ThreadKey = pthread_key_t;

inline ThreadKey make_thread_key(void (*at_thread_end)(void*)) {
  ThreadKey key{};
  if (const int error = ::pthread_key_create(&key, at_thread_end); error != 0)
    throw_os_error(error, "pthread_key_create for the library's thread slots");
  return key;
}
inline void* get_thread_value(ThreadKey key) noexcept { return ::pthread_getspecific(key); }
inline void set_thread_value(ThreadKey key, void* value) {
  if (const int error = ::pthread_setspecific(key, value); error != 0) throw_os_error(error, "pthread_setspecific");
}

/// Calls these at each fork() of this process (not at _Fork() or clone); `in_parent` also when it has failed.
inline void at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  ::pthread_atfork(before, in_parent, in_child);
}

}  // namespace multiprocessing::detail
