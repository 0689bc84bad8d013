// SPDX-License-Identifier: BSL-1.0
/// \file
/// shareable: which types may lie in shared memory.
#pragma once

#include <multiprocessing/detail/core/aggregate.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <complex>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing {

/// Set to true for a class that may lie in shared memory although the compiler cannot prove it.
/// The author then vouches that it has no pointers, references, descriptors or virtual functions:
///
///     template <>
///     inline constexpr bool multiprocessing::enable_shareable<Image> = true;
template <class T>
inline constexpr bool enable_shareable = false;

namespace detail {

template <class T>
consteval bool is_shareable();

/// What the standard's templates need; false for every other class.
template <class T>
inline constexpr bool shareable_template = false;
template <class T, std::size_t Size>
inline constexpr bool shareable_template<std::array<T, Size>> = is_shareable<T>();
template <class First, class Second>
inline constexpr bool shareable_template<std::pair<First, Second>> = is_shareable<First>() && is_shareable<Second>();
template <class... Types>
inline constexpr bool shareable_template<std::tuple<Types...>> = (is_shareable<Types>() && ...);
template <class T>
inline constexpr bool shareable_template<std::complex<T>> = is_shareable<T>();
// The value and a flag beside it; a value with a destructor would need the same process to end it.
template <class T>
inline constexpr bool shareable_template<std::optional<T>> = is_shareable<T>() && std::is_trivially_destructible_v<T>;
template <class Rep, class Period>
inline constexpr bool shareable_template<std::chrono::duration<Rep, Period>> = is_shareable<Rep>();
template <class Clock, class Duration>
inline constexpr bool shareable_template<std::chrono::time_point<Clock, Duration>> = is_shareable<Duration>();
// One that is not lock-free locks a table in each process's private memory.
template <class T>
requires std::is_trivially_copyable_v<T>
inline constexpr bool shareable_template<std::atomic<T>> = is_shareable<T>() && std::atomic<T>::is_always_lock_free;

/// What the list of members does not tell. A structured binding shows a reference as what it refers to: but a class whose members
/// all have standard layout, or can all be assigned, and which itself has not, or cannot, has a reference among them.
/// And a destructor that no member asks for is the author's own: it guards something that is not memory, such as a
/// descriptor.
template <class T, class... Members>
consteval bool is_sum_of() {
  constexpr bool no_reference =
      std::is_standard_layout_v<T> || (!(std::is_standard_layout_v<Members> && ...) &&
                                       (std::is_copy_assignable_v<T> || !(std::is_copy_assignable_v<Members> && ...)));
  constexpr bool no_destructor =
      std::is_trivially_destructible_v<T> || !(std::is_trivially_destructible_v<Members> && ...);
  return no_reference && no_destructor;
}

template <class T>
consteval bool members_are_shareable() {
  if constexpr (std::is_empty_v<T>) {
    return std::is_trivially_destructible_v<T>;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_shareable<member_t<I, T>>() && ...) && is_sum_of<T, member_t<I, T>...>();
    }
    (std::make_index_sequence<member_count<T>>());
  }
}

template <class T>
consteval bool is_shareable() {
  using Bare = std::remove_cv_t<T>;
  if constexpr (enable_shareable<Bare>) {
    return true;
  } else if constexpr (std::is_arithmetic_v<Bare> || std::is_enum_v<Bare>) {
    return true;
  } else if constexpr (std::is_bounded_array_v<Bare>) {
    return is_shareable<std::remove_extent_t<Bare>>();
  } else if constexpr (shareable_template<Bare>) {
    return true;
  } else if constexpr (walkable_aggregate<Bare>) {
    return members_are_shareable<Bare>();
  } else {
    return false;
  }
}

}  // namespace detail

/// A type whose bytes mean the same in every process that maps them: numbers, enums, `std::byte`, arrays, `std::array`,
/// `pair`, `tuple`, `complex`, `optional`, chrono's durations and time points, lock-free atomics, and aggregates of
/// those, member by member. No pointer, reference or view, which is_trivially_copyable alone would let through.
///
/// Aggregates with a base class, a C array inside or more than 100 members cannot be listed and answer false; so do
/// classes with constructors or private members, and lambdas. Their authors opt in by enable_shareable. So must those of aggregates with
/// bit-fields or members that cannot be moved (atomics), on which Boost.PFR itself fails to compile.
template <class T>
concept shareable = detail::is_shareable<T>();

namespace detail {

/// Answers a type that may not be shared by the sentence that helps; for the bodies of what takes any T.
template <class T>
consteval void require_shareable() {
  using Bare = std::remove_cv_t<T>;
  constexpr bool points = std::is_pointer_v<Bare> || std::is_reference_v<Bare> || std::is_member_pointer_v<Bare> ||
                          std::is_null_pointer_v<Bare>;
  constexpr bool unlisted = std::is_aggregate_v<Bare> && !walkable_aggregate<Bare>;
  constexpr bool listed = walkable_aggregate<Bare> && !shareable_template<Bare>;
  static_assert(
      shareable<T> || !points,
      "shareable: T is a pointer or a reference, which means nothing in another process; share the object itself");
  static_assert(shareable<T> || points || !unlisted,
                "shareable: T has a C array, a base class or over 100 members, so those cannot be listed: use std::array "
                "and plain members, or, if it has no pointers, say enable_shareable<T> = true");
  static_assert(
      shareable<T> || points || unlisted || !listed,
      "shareable: a member of T holds a pointer, a reference, a view or a class of its own memory, which means "
      "nothing in another process; use numbers, enums, std::array and aggregates of those");
  static_assert(
      shareable<T> || points || unlisted || listed,
      "shareable: T may hold pointers (std::string, std::vector and handles such as Lock do), which mean nothing in another process: "
      "share numbers, arrays and aggregates of those, pass handles beside them, or, if T has none, say enable_shareable<T> = true");
}

}  // namespace detail

}  // namespace multiprocessing
