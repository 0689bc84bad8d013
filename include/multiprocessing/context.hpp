// SPDX-License-Identifier: BSL-1.0
/// \file
/// Contexts: all that the library makes, for processes that are started by one method.
#pragma once

#include <multiprocessing/connection/pipe.hpp>
#include <multiprocessing/detail/process/carriable.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/logging.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace multiprocessing {

/// All that the library makes, for processes that are started by one method; what Python's `get_context` returns. Libraries
/// take one, so that set_start_method() stays the program's.
///
///     auto ctx = mp::get_context("spawn");
///     auto lock = ctx.Lock();
///     auto p = ctx.Process(work, lock);
///
/// Only Process differs between contexts: handles made by one may be used with any other.
class Context {
 public:
  /// Throws ValueError for a method that does not exist.
  explicit Context(std::string method) : method_(std::move(method)) { detail::find_start_method(method_); }

  /// A Process that is started by this method.
  template <class Target, class... Arguments>
    requires(!std::same_as<std::remove_cvref_t<Target>, ProcessOptions>)
  multiprocessing::Process Process(Target&& target, Arguments&&... arguments) const {
    return Process(ProcessOptions{}, std::forward<Target>(target), std::forward<Arguments>(arguments)...);
  }
  template <class Target, class... Arguments>
  multiprocessing::Process Process(ProcessOptions options, Target&& target, Arguments&&... arguments) const {
    if (!options.start_method) options.start_method = method_;
    return multiprocessing::Process(options, std::forward<Target>(target), std::forward<Arguments>(arguments)...);
  }

  multiprocessing::Pipe Pipe(PipeOptions options = {}) const { return multiprocessing::Pipe(options); }
  multiprocessing::Lock Lock() const { return {}; }
  multiprocessing::RLock RLock() const { return {}; }
  multiprocessing::Semaphore Semaphore(int value = 1) const { return multiprocessing::Semaphore(value); }
  multiprocessing::BoundedSemaphore BoundedSemaphore(int value = 1) const { return multiprocessing::BoundedSemaphore(value); }
  template <class... OfLock>
  multiprocessing::Condition Condition(const OfLock&... lock) const {
    return multiprocessing::Condition(lock...);
  }
  multiprocessing::Event Event() const { return {}; }
  template <class... Arguments>
  multiprocessing::Barrier Barrier(int parties, Arguments&&... arguments) const {
    return multiprocessing::Barrier(parties, std::forward<Arguments>(arguments)...);
  }
  template <class T, class... Arguments>
  multiprocessing::Value<T> Value(Arguments&&... arguments) const {
    return multiprocessing::Value<T>(std::forward<Arguments>(arguments)...);
  }
  template <class T, class... Arguments>
  multiprocessing::RawValue<T> RawValue(Arguments&&... arguments) const {
    return multiprocessing::RawValue<T>(std::forward<Arguments>(arguments)...);
  }
  template <class T, class... Arguments>
  multiprocessing::Array<T> Array(Arguments&&... arguments) const {
    return multiprocessing::Array<T>(std::forward<Arguments>(arguments)...);
  }
  template <class T, class... OfLock>
  multiprocessing::Array<T> Array(std::initializer_list<T> elements, const OfLock&... lock) const {
    return multiprocessing::Array<T>(elements, lock...);
  }
  template <class T, class... Arguments>
  multiprocessing::RawArray<T> RawArray(Arguments&&... arguments) const {
    return multiprocessing::RawArray<T>(std::forward<Arguments>(arguments)...);
  }
  template <class T>
  multiprocessing::RawArray<T> RawArray(std::initializer_list<T> elements) const {
    return multiprocessing::RawArray<T>(elements);
  }

  multiprocessing::Process current_process() const { return multiprocessing::current_process(); }
  std::optional<multiprocessing::Process> parent_process() const { return multiprocessing::parent_process(); }
  std::vector<multiprocessing::Process> active_children() const { return multiprocessing::active_children(); }
  int cpu_count() const { return multiprocessing::cpu_count(); }

  Logger& get_logger() const { return multiprocessing::get_logger(); }
  Logger& log_to_stderr(LogLevel level = 0) const {
    return multiprocessing::log_to_stderr(level);
  }

  void freeze_support(int argc, char** argv) const { multiprocessing::freeze_support(argc, argv); }
  void set_executable(std::optional<std::string> path) const { multiprocessing::set_executable(std::move(path)); }
  void set_forkserver_preload(std::vector<void (*)()> functions) const {
    multiprocessing::set_forkserver_preload(std::move(functions));
  }

  /// The context of another method; without one, this.
  Context get_context(std::optional<std::string> method = std::nullopt) const {
    return method ? Context(std::move(*method)) : *this;
  }
  std::string get_start_method(bool = false) const { return method_; }
  /// Throws ValueError: a context is of one method.
  [[noreturn]] void set_start_method(const std::optional<std::string>&, bool = false) const {
    throw ValueError("cannot set start method of concrete context: this one is of '" + method_ + "'");
  }

  friend bool operator==(const Context&, const Context&) = default;

 private:
  std::string method_;
};

/// A context whose method the compiler knows: what can't be sent to a process of it does not compile.
template <class Method>
class ConcreteContext : public Context {
 public:
  ConcreteContext() : Context(std::string(Method::name)) {}

  template <class Target, class... Arguments>
    requires(!std::same_as<std::remove_cvref_t<Target>, ProcessOptions>)
  multiprocessing::Process Process(Target&& target, Arguments&&... arguments) const {
    return Process(ProcessOptions{}, std::forward<Target>(target), std::forward<Arguments>(arguments)...);
  }
  template <class Target, class... Arguments>
  multiprocessing::Process Process(const ProcessOptions& options, Target&& target, Arguments&&... arguments) const {
    static_assert(!Method::sends || detail::carriable<std::decay_t<Target>>,
                  "Process: a process that is started anew can't have this target: let a lambda capture nothing and pass the "
                  "rest as arguments, make the class picklable (docs/pickle.md), or use ForkContext");
    static_assert(!Method::sends || (detail::carriable<detail::stored_argument<Arguments>> && ...),
                  "Process: an argument can't be sent to a process that is started anew: make its class picklable "
                  "(docs/pickle.md), or use ForkContext");
    return Context::Process(options, std::forward<Target>(target), std::forward<Arguments>(arguments)...);
  }
};

using ForkContext = ConcreteContext<detail::Fork>;
using SpawnContext = ConcreteContext<detail::Spawn>;
using ForkServerContext = ConcreteContext<detail::Forkserver>;

/// The context of a start method; without one that of get_start_method(), which settles it. Throws ValueError for a method
/// that does not exist.
inline Context get_context(std::optional<std::string> method = std::nullopt) {
  return Context(method ? std::move(*method) : get_start_method());
}

}  // namespace multiprocessing
