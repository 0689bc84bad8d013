// SPDX-License-Identifier: BSL-1.0
/// \file
/// Value: one object in shared memory, with its lock.
#pragma once

#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/sharedctypes/element_reference.hpp>
#include <multiprocessing/sharedctypes/raw_value.hpp>
#include <multiprocessing/sharedctypes/reference.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

namespace multiprocessing {

template <class T>
Value<T> synchronized(const RawValue<T>& raw);
template <class T>
Value<T> synchronized(const RawValue<T>& raw, const AnyLock& lock);

/// A number, or any `shareable` struct, that processes share, with a lock; the counterpart of Python's `Value`.
///
///     mp::Value<int> counter(0);
///     counter.value += 1;                               // atomic
///     mp::Value<Account> account(Account{.balance = 100});
///     account[&Account::balance] -= 10;                 // atomic too
///     account.with([](Account& a) { a.balance -= 1; ++a.operations; });
///     std::scoped_lock guard(counter, account);         // several steps, several objects
///
/// Its lock is an RLock of its own, or the Lock or RLock given last. Every read and write takes it; who already holds
/// it, if it is an RLock, takes it once more.
///
/// Shared:  copies refer to one object; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    a lock held across fork is held by the parent's thread alone.
/// Death:   when a holder is killed the next access takes the lock over, and get_lock().owner_died() says so meanwhile.
/// Cost:    an access is one acquire() and release(): no system call unless someone waits.
template <class T>
class Value : public detail::TimedLockable<Value<T>> {
  static_assert(shareable<T>,
                "Value<T>: T is copied as bytes between processes, so it may not hold pointers, nor "
                "memory of its own as std::string does");
  static_assert(detail::require_storable<T>());

 public:
  using value_type = T;

  /// The object `T{}`: zero, for a number.
  Value() : Value(made(), RawValue<T>()) {}
  explicit Value(const AnyLock& lock) : Value(made(), RawValue<T>(), lock) {}
  explicit Value(const T& initial) requires std::is_copy_constructible_v<T> : Value(made(), RawValue<T>(initial)) {}
  Value(const T& initial, const AnyLock& lock) requires std::is_copy_constructible_v<T>
      : Value(made(), RawValue<T>(initial), lock) {}
  /// The object `T{arguments...}`, built in place.
  template <class... Arguments>
  requires detail::initializes<T, Arguments...>
  explicit Value(Arguments&&... arguments) : Value(made(), RawValue<T>(std::forward<Arguments>(arguments)...)) {}

  Value(const Value& other) : value(other.value.at_, other.value.guard_) {}
  Value& operator=(const Value& other) {
    value.rebind(other.value);
    return *this;
  }
  template <detail::other_than<Value> U>
  void operator=(U&&) = delete;  // = would bind the handle to another object; to change this one write v.value = x

  T get() const { return value.get(); }
  void set(const T& x) const { value.set(x); }

  /// A member of the object, under the lock, usable in this expression: `v[&Account::balance] += 10`.
  template <class Member, class Class>
  requires detail::data_member<T, Member, Class> ElementReference<Member>
  operator[](Member Class::*member) const { return {&(value.at_->*member), &value.guard_}; }

  /// Calls `function(object)` under the lock and returns what that returns.
  template <std::invocable<T&> Function>
  decltype(auto) with(Function&& function) const {
    return value.with(std::forward<Function>(function));
  }

  /// Calls a method of the object under the lock: `v(&Account::deposit, 10)`.
  template <class Method, class... Arguments>
  requires detail::method_of<T, Method, Arguments...>
  decltype(auto) operator()(Method method, Arguments&&... arguments) const {
    const detail::Hold hold(value.guard_);
    return std::invoke(method, *value.at_, std::forward<Arguments>(arguments)...);
  }

  /// The object itself; whoever uses it holds the lock, or knows why not. Throws StaleHandle when it is gone.
  T& get_obj() const {
    value.guard_.check();
    return *value.at_;
  }
  AnyLock get_lock() const { return value.guard_.get_lock(); }

  /// Takes the lock, waiting until it is free or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const { return value.guard_.acquire(timeout); }
  /// Gives the lock back. Throws as the lock's own release() does.
  void release() const { value.guard_.release(); }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    detail::match_element<T>(archive);
    value.guard_.serialize(archive);
    if constexpr (Archive::loading) value.at_ = detail::value_in<T>(value.guard_.object());
  }

  /// Python's text: `<Synchronized wrapper for c_double(0.0)>`.
  friend std::string repr_of(const Value& v) {
    return "<Synchronized wrapper for " + detail::ctypes_text(v.get()) + ">";
  }
  friend std::ostream& operator<<(std::ostream& out, const Value& v) { return out << repr_of(v); }

  /// The object, by name: reads, writes and operators are atomic under the lock.
  SharedReference<T, detail::Guarded> value;

 private:
  struct made {};  // tells what the class calls itself from a user's arguments
  friend Value synchronized<T>(const RawValue<T>& raw);
  friend Value synchronized<T>(const RawValue<T>& raw, const AnyLock& lock);

  template <class... Lock>
  explicit Value(made, const RawValue<T>& raw, const Lock&... lock)
      : value(&raw.value, detail::Guarded(raw.object_, lock...)) {}
};

template <class T>
Value(T) -> Value<T>;
template <class T>
Value(T, const AnyLock&) -> Value<T>;

}  // namespace multiprocessing
