// SPDX-License-Identifier: BSL-1.0
/// \file
/// SharedReference: what `v.value` is, and what a loop over an Array yields.
#pragma once

#include <multiprocessing/detail/sharedctypes/guarded.hpp>
#include <multiprocessing/detail/sharedctypes/operators.hpp>
#include <multiprocessing/detail/sharedctypes/text.hpp>

#include <concepts>
#include <functional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

namespace multiprocessing {

template <class T>
class Value;
template <class T>
class Array;

/// Stands for a T in shared memory: reads and writes of it are those of the T, each under its lock.
///
/// It converts to T, is assigned from T, and has its operators: `+= -= *= /= %= &= |= ^= <<= >>= ++ --` are atomic
/// under the lock and return what std::atomic's do. A read waits for the lock too, so that it never sees half of what a
/// holder does.
///
/// Death:   when a holder is killed the next access takes the lock over and succeeds; get_lock().owner_died() says so.
/// Cost:    as one acquire() and release() of the lock; no system call unless someone waits.
template <class T, class Guard>
class SharedReference {
 public:
  using value_type = T;

  SharedReference(const SharedReference&) = delete;  // copy by `auto x = v.get()`, loop by `for (auto&& n : a)`
  /// Copies what `other` refers to, one lock at a time.
  T operator=(const SharedReference& other) const { return *this = other.get(); }
  T operator=(const T& x) const {
    set(x);
    return x;
  }

  operator T() const { return get(); }

  T get() const {
    return with([](const T& x) -> T { return detail::copied<T>(x); });
  }
  void set(const T& value) const {
    with([&](T& x) { x = value; });
  }
  /// Sets it and returns what it was.
  T exchange(const T& value) const {
    return with([&](T& x) { return std::exchange(x, value); });
  }
  /// Sets it to `desired` if it equals `expected`, else `expected` to what it is; returns whether it was set.
  bool compare_exchange(T& expected, const T& desired) const {
    return with([&](T& x) { return detail::replace_if_equal(x, expected, desired); });
  }
  /// Adds and returns what it was.
  template <class U>
  requires requires(T& x, const detail::operand_t<U>& y) { x += y; }
  T fetch_add(U&& operand) const {
    const auto& read = detail::read_operand(std::forward<U>(operand));
    return with([&](T& x) { return detail::fetch_and_combine(x, read, [](auto& a, const auto& b) { a += b; }); });
  }
  /// Subtracts and returns what it was.
  template <class U>
  requires requires(T& x, const detail::operand_t<U>& y) { x -= y; }
  T fetch_sub(U&& operand) const {
    const auto& read = detail::read_operand(std::forward<U>(operand));
    return with([&](T& x) { return detail::fetch_and_combine(x, read, [](auto& a, const auto& b) { a -= b; }); });
  }

  /// Calls `function` with the T, under its lock, and returns what that returns.
  template <std::invocable<T&> Function>
  decltype(auto) with(Function&& function) const {
    const detail::Hold hold(guarded());
    return std::invoke(std::forward<Function>(function), *at_);
  }

  /// The text of the T: the stream's flags apply to it.
  friend std::ostream& operator<<(std::ostream& out, const SharedReference& x) requires requires(const T& value) {
    out << value;
  }
  { return out << x.get(); }

  friend std::string repr_of(const SharedReference& x) { return detail::text_of<detail::Style::repr>(x.get()); }
  friend std::string str_of(const SharedReference& x) { return detail::text_of<detail::Style::str>(x.get()); }

 private:
  template <class>
  friend class Value;
  template <class>
  friend class Array;
  template <class>
  friend class ElementReference;

  SharedReference(T* at, Guard guard) : at_(at), guard_(std::move(guard)) {}
  void rebind(const SharedReference& other) {
    at_ = other.at_;
    guard_ = other.guard_;
  }

  const detail::Guarded& guarded() const {
    if constexpr (std::is_pointer_v<Guard>)
      return *guard_;
    else
      return guard_;
  }

  T* at_;
  Guard guard_;  // a Guarded, or a pointer to that of the Array
};

}  // namespace multiprocessing
