// SPDX-License-Identifier: BSL-1.0
/// \file
/// ElementReference: what `a[i]` is, and `v[&Account::balance]`.
#pragma once

#include <multiprocessing/sharedctypes/reference.hpp>

#include <concepts>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

namespace multiprocessing {

/// Stands for a T inside an Array or a Value, in the expression that made it and nowhere else: a kept one would be an
/// alias where Python has a copy. What can be done with it, and what it costs, is said at SharedReference.
template <class T>
class ElementReference {
 public:
  using value_type = T;

  ElementReference(const ElementReference&) = delete;  // copy by `auto x = a.at(i)` or `T x = a[i]`
  /// Copies what `other` refers to, one lock at a time.
  T operator=(ElementReference&& other) && { return std::move(*this) = std::move(other).get(); }
  T operator=(const T& x) && {
    std::move(*this).set(x);
    return x;
  }
  void operator=(const ElementReference&) & = delete;  // a kept a[i] is an alias; copy by `auto x = a.at(i)`
  void operator=(const T&) & = delete;                 // a kept a[i] is an alias; copy by `auto x = a.at(i)`

  operator T() && { return std::move(*this).get(); }
  operator T() const& = delete;  // a kept a[i] is an alias; copy by `auto x = a.at(i)`

  T get() && { return access().get(); }
  void set(const T& value) && { access().set(value); }
  T exchange(const T& value) && { return access().exchange(value); }
  bool compare_exchange(T& expected, const T& desired) && { return access().compare_exchange(expected, desired); }
  template <class U>
  T fetch_add(U&& operand) && {
    return access().fetch_add(std::forward<U>(operand));
  }
  template <class U>
  T fetch_sub(U&& operand) && {
    return access().fetch_sub(std::forward<U>(operand));
  }
  template <std::invocable<T&> Function>
  decltype(auto) with(Function&& function) && {
    return access().with(std::forward<Function>(function));
  }
  template <std::invocable<T&> Function>
  void with(Function&&) const& = delete;  // a kept a[i] is an alias; copy by `auto x = a.at(i)`

  /// Exchanges two elements: under one lock if they have the same, else each under its own.
  friend void swap(ElementReference&& a, ElementReference&& b) {
    if (a.guarded_->get_lock() == b.guarded_->get_lock()) {
      const detail::Hold hold(*a.guarded_);
      std::swap(*a.at_, *b.at_);
    } else {
      std::move(a).set(std::move(b).exchange(std::move(a).get()));
    }
  }

  friend std::ostream& operator<<(std::ostream& out, ElementReference&& x) requires requires(const T& value) {
    out << value;
  }
  { return out << std::move(x).get(); }

  template <class Never = T>
  friend std::string repr_of(const ElementReference&) {
    static_assert(sizeof(Never*) == 0,
                  "repr/print: a[i] is an element, not a copy of it: print a.at(i), keep `auto x = a.at(i)`");
    return {};
  }

 private:
  template <class>
  friend class Value;
  template <class>
  friend class Array;

  ElementReference(T* at, const detail::Guarded* guarded) : at_(at), guarded_(guarded) {}

  auto access() const { return SharedReference<T, const detail::Guarded*>(at_, guarded_); }

  T* at_;
  const detail::Guarded* guarded_;
};

}  // namespace multiprocessing
