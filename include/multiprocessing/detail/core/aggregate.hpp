// SPDX-License-Identifier: BSL-1.0
/// \file
/// Which classes can be taken apart member by member without their author's help.
#pragma once

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

/// Converts to whatever a member wants. Never copied, so that members which take anything (std::any) do not take it.
struct any_member {
  any_member(const any_member&) = delete;
  template <class U>
  operator U() const;
};

/// Converts to the bases of `T` only.
template <class T>
struct any_base {
  any_base(const any_base&) = delete;
  template <class U>
  requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>) operator U() const;
};

template <std::size_t>
using any_member_at = any_member;

/// Whether `T` can be made of as many members as `Before` counts, an empty `{}`, and as many as `After` counts.
template <class T, class Before, class After>
inline constexpr bool takes_braces = false;
template <class T, std::size_t... Before, std::size_t... After>
inline constexpr bool takes_braces<T, std::index_sequence<Before...>, std::index_sequence<After...>> = requires {
  T{std::declval<any_member_at<Before>>()..., {}, std::declval<any_member_at<After>>()...};
};

/// Whether the initialiser at `At` begins a C array: braces there take the place of several initialisers, so that only
/// fewer than the rest may follow.
template <class T, std::size_t At, std::size_t Rest>
consteval bool begins_array() {
  if (takes_braces<T, std::make_index_sequence<At>, std::make_index_sequence<Rest>>) return false;
  return [&]<std::size_t... Fewer>(std::index_sequence<Fewer...>) {
    return (takes_braces<T, std::make_index_sequence<At>, std::make_index_sequence<Fewer>> || ...);
  }
  (std::make_index_sequence<Rest>());
}

template <class T>
consteval bool has_array_member() {
  constexpr std::size_t count = boost::pfr::tuple_size_v<T>;
  return [&]<std::size_t... At>(std::index_sequence<At...>) { return (begins_array<T, At, count - 1 - At>() || ...); }
  (std::make_index_sequence<count>());
}

template <class T>
consteval bool is_walkable() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T>) {
    return false;
  } else if constexpr (std::is_empty_v<T>) {
    return true;
  } else if constexpr (requires { T{std::declval<any_base<T>>()}; }) {
    return false;
  } else {
    return !has_array_member<T>();
  }
}

/// An aggregate whose members Boost.PFR can list. It knows neither C arrays nor base classes, and would answer with an
/// error deep inside; bit-fields it finds out too late for us to tell.
template <class T>
concept walkable_aggregate = is_walkable<T>();

}  // namespace multiprocessing::detail
