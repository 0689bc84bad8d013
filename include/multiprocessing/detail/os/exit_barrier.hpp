// SPDX-License-Identifier: BSL-1.0
/// \file
/// A child's end by exit(): its own exit handlers run, those that it inherited do not.
#pragma once

#include <multiprocessing/detail/os/fork.hpp>

#include <cxxabi.h>

#include <atomic>
#include <cstdlib>

/// What at_quick_exit() calls in glibc; no header declares it.
extern "C" int __cxa_at_quick_exit(void (*handler)(void*), void* shared_object) noexcept;

namespace multiprocessing::detail {

/// Splits the exit handlers of a forked child in two. Handlers run last in, first out; so a handler that is
/// registered as the child's first, and never returns, runs after all that the child registers and before all that it
/// inherited.
///
/// What is left: exit() destroys the thread_local objects of its thread before any handler, inherited ones too.
class ExitBarrier {
 public:
  /// In a child, before any of its own code. `end` gets the exit code and must not return.
  static void raise(void (*end)(int code)) noexcept;

  /// Runs the exit handlers that this child registered, then calls `end`. Unlike exit() it leaves thread_locals alone.
  [[noreturn]] static void run_handlers(int code) noexcept;

 private:
  static void at_exit(int code, void*) { end_(code); }
  static void at_finalize() { end_(code_); }
  static void at_quick_exit(void*, int code) { end_process(code); }

  static inline void (*end_)(int) = nullptr;
  static inline std::atomic<int> code_ = 0;
};

inline void ExitBarrier::raise(void (*end)(int)) noexcept {
  end_ = end;
  std::atexit(&at_finalize);
  EarlyBound<&::on_exit>::call(&at_exit, nullptr);  // exit(code) meets this one first, and only here is the code told
  // Such a handler takes no code, but glibc calls it with one, as it does those of exit().
  EarlyBound<&::__cxa_at_quick_exit>::call(reinterpret_cast<void (*)(void*)>(reinterpret_cast<void*>(&at_quick_exit)),
                                           nullptr);
}

inline void ExitBarrier::run_handlers(int code) noexcept {
  code_ = code;
  // The C++ ABI's list of destructors of statics and of atexit handlers; at_finalize is the last that it reaches.
  EarlyBound<&abi::__cxa_finalize>::call(nullptr);
  end_process(code);
}

}  // namespace multiprocessing::detail
