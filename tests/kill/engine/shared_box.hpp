// SPDX-License-Identifier: BSL-1.0
/// \file
/// SharedBox and Flag: memory that forked processes share, made without the library under test.
#pragma once

#include "clock.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

namespace kill_test {

/// Owns one T in a MAP_SHARED mapping of its own: a process forked later works on the same object.
template <class T>
class SharedBox {
 public:
  template <class... Args>
  explicit SharedBox(Args&&... args) {
    void* memory =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of a shared box");
    object_ = ::new (memory) T(std::forward<Args>(args)...);
  }
  SharedBox(const SharedBox&) = delete;
  SharedBox& operator=(const SharedBox&) = delete;
  ~SharedBox() {
    std::destroy_at(object_);
    ::munmap(object_, sizeof(T));
  }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  T* object_ = nullptr;
};

/// Is raised once; anybody may wait for it.
class Flag {
 public:
  void raise() noexcept {
    word_.store(1, std::memory_order_release);
    ::syscall(SYS_futex, &word_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }

  bool raised() const noexcept { return word_.load(std::memory_order_acquire) != 0; }

  /// Whether it was raised within `timeout`.
  bool wait(Nanoseconds timeout) const noexcept {
    const Nanoseconds deadline = now() + timeout;
    while (!raised()) {
      const Nanoseconds left = deadline - now();
      if (left <= 0) return false;
      const timespec relative = to_timespec(left);
      ::syscall(SYS_futex, &word_, FUTEX_WAIT, 0, &relative, nullptr, 0);
    }
    return true;
  }

 private:
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace kill_test
