// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the rest of the library, and programs that extend it, use: messages, and callbacks at the end of the process.
#pragma once

#include <multiprocessing/detail/runtime/exit.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/logging.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing {

/// Log to get_logger() with the level of that name.
inline void sub_debug(std::string_view message) { get_logger().log(SUBDEBUG, message); }
inline void debug(std::string_view message) { get_logger().debug(message); }
inline void info(std::string_view message) { get_logger().info(message); }
inline void sub_warning(std::string_view message) { get_logger().log(SUBWARNING, message); }

/// Whether the process is ending: its finalizers run, or have run.
inline bool is_exiting() {
  const detail::RuntimeAccess access;
  return access->exiting;
}

/// A callback that runs once: when it is called, or else when the process ends; the counterpart of Python's
/// `util.Finalize`.
///
/// At the end those with higher priorities run first, of equal ones the youngest. Priorities from 0 on run before the
/// children are terminated or joined, negative ones after. The object may go before: the callback stays registered.
///
/// Threads: any thread may call or cancel; the callback runs at most once.
/// Fork:    belongs to the process that made it. In a child it is no longer registered, and nothing runs.
class Finalize {
 public:
  /// Registers `callback(arguments...)`, all copied or moved.
  template <class Callback, class... Arguments>
    requires std::invocable<std::decay_t<Callback>&, std::decay_t<Arguments>&...>
  Finalize(int exitpriority, Callback&& callback, Arguments&&... arguments);

  /// Runs the callback, unless it ran already, or was cancelled, or this is another process.
  void operator()() const;
  /// Sees to it that the callback never runs.
  void cancel() const;
  /// Whether the callback still waits to be run.
  bool still_active() const;

 private:
  detail::Finalizers::Key key_;
  pid_t pid_;
};

template <class Callback, class... Arguments>
  requires std::invocable<std::decay_t<Callback>&, std::decay_t<Arguments>&...>
Finalize::Finalize(int exitpriority, Callback&& callback, Arguments&&... arguments) : pid_(detail::current_pid()) {
  using Bound = std::tuple<std::decay_t<Callback>, std::decay_t<Arguments>...>;
  // Shared, since std::function must be copyable and what it holds need not be.
  auto bound = std::make_shared<Bound>(std::forward<Callback>(callback), std::forward<Arguments>(arguments)...);
  const detail::RuntimeAccess access;
  detail::hook_exit(access);
  key_ = access->finalizers.add(exitpriority, [bound] {
    std::apply([](auto& function, auto&... values) { std::invoke(function, values...); }, *bound);
  });
}

inline void Finalize::operator()() const { detail::run_finalizer(key_, pid_); }

inline void Finalize::cancel() const {
  detail::Finalizers::Callback gone;  // destroyed after the lock is released: what it owns may have its own destructor
  const detail::RuntimeAccess access;
  if (pid_ == detail::current_pid()) gone = access->finalizers.take(key_);
}

inline bool Finalize::still_active() const {
  const detail::RuntimeAccess access;
  return pid_ == detail::current_pid() && access->finalizers.contains(key_);
}

}  // namespace multiprocessing
