// SPDX-License-Identifier: BSL-1.0
/// \file
/// RawValue: one object in shared memory, without a lock.
#pragma once

#include <multiprocessing/detail/sharedctypes/states.hpp>
#include <multiprocessing/detail/sharedctypes/text.hpp>

#include <concepts>
#include <memory>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

namespace multiprocessing {

template <class T>
class Value;

namespace detail {

/// Arguments that make a T in braces, and are not one T already that can be copied.
template <class T, class... Arguments>
concept initializes = sizeof...(Arguments) > 0 &&
                      !(sizeof...(Arguments) == 1 && std::is_copy_constructible_v<T> &&
                        (std::convertible_to<Arguments, T> && ...)) &&
                      requires {
  T{std::declval<Arguments>()...};
};

}  // namespace detail

/// An object that processes share, without a lock; the counterpart of Python's `RawValue`.
///
/// `value` is a plain reference to it: `raw.value += 1` is not atomic, and `raw.value.x` names a member. For what
/// several processes change at a time take Value, guard it by a Lock, or make it a `RawValue<std::atomic<T>>`.
///
/// Shared:  copies refer to one object; pass them to a Process or capture them in a lambda.
/// Threads: as of a T in the memory of one process.
/// Fork:    parent and child have the same object.
/// Death:   what a process had written when it was killed stays, whatever it was about to write.
/// Cost:    as of a T in the memory of one process.
template <class T>
class RawValue {
  static_assert(shareable<T>,
                "RawValue<T>: T is copied as bytes between processes, so it may not hold pointers, nor "
                "memory of its own as std::string does");
  static_assert(detail::require_storable<T>());

 public:
  /// The object `T{}`: zero, for a number.
  RawValue() : RawValue(detail::SharedValue<T>::make([](void* at) { return new (at) T{}; })) {}
  explicit RawValue(const T& initial) requires std::is_copy_constructible_v<T>
      : RawValue(detail::SharedValue<T>::make([&](void* at) { return new (at) T(initial); })) {}
  /// The object `T{arguments...}`, built in place.
  template <class... Arguments>
  requires detail::initializes<T, Arguments...>
  explicit RawValue(Arguments&&... arguments)
      : RawValue(
            detail::SharedValue<T>::make([&](void* at) { return new (at) T{std::forward<Arguments>(arguments)...}; })) {
  }

  RawValue(const RawValue& other) noexcept : value(other.value), object_(other.object_) {}
  RawValue& operator=(const RawValue& other) noexcept {
    // A reference is bound once, so the handle is made anew.
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, other);
    }
    return *this;
  }
  template <detail::other_than<RawValue> U>
  void operator=(U&&) = delete;  // = would bind the handle to another object; to change this one write v.value = x

  /// The same as `value`, after a look at whether it is still there: throws StaleHandle when it is not.
  T& get_obj() const {
    object_.check();
    return value;
  }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    detail::match_element<T>(archive);
    auto object = object_;
    object.serialize(archive);
    if constexpr (Archive::loading) {
      T* const at = detail::value_in<T>(object.unchecked());
      *this = RawValue(detail::SharedValue<T>{std::move(object), at});
    }
  }

  /// Python's text: `c_double(0.0)`.
  friend std::string repr_of(const RawValue& raw) { return detail::ctypes_text(raw.get_obj()); }
  friend std::ostream& operator<<(std::ostream& out, const RawValue& raw) { return out << repr_of(raw); }

  T& value;

 private:
  friend class Value<T>;
  explicit RawValue(detail::SharedValue<T> made) noexcept : value(*made.at), object_(std::move(made.object)) {}

  detail::SharedRef<detail::RLockState> object_;
};

template <class T>
RawValue(T) -> RawValue<T>;

}  // namespace multiprocessing
