// SPDX-License-Identifier: BSL-1.0
/// \file
/// Which classes can be taken apart member by member without their author's help, and how.
#pragma once

#include <boost/pfr/core.hpp>

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

/// Is an lvalue of whatever a member wants: for members that are references.
struct any_lvalue {
  any_lvalue(const any_lvalue&) = delete;
  template <class U>
  operator U&() const;
};

template <std::size_t>
using any_member_at = any_member;

/// Whether `T` can be made of as many members as `Count` counts.
template <class T, class Count>
inline constexpr bool takes_members = false;
template <class T, std::size_t... Each>
inline constexpr bool takes_members<T, std::index_sequence<Each...>> = requires {
  T{std::declval<any_member_at<Each>>()...};
};

template <std::size_t>
using any_lvalue_at = any_lvalue;

/// The same, where some members are references.
template <class T, class Count>
inline constexpr bool takes_lvalues = false;
template <class T, std::size_t... Each>
inline constexpr bool takes_lvalues<T, std::index_sequence<Each...>> = requires {
  T{std::declval<any_lvalue_at<Each>>()...};
};

/// More members than this are not listed: so many Boost.PFR can take apart.
inline constexpr std::size_t most_members = 100;

/// Counts from `Count` initialisers on. Too few are refused where a member has no default (`Found` is false as yet),
/// then some are taken, then too many are refused. The elements of a C array count one by one, and those of a
/// std::array do not. Ends one beyond most_members, so that its cost depends on the number of members and not on the
/// size of `T`.
template <class T, std::size_t Count = 0, bool Found = false>
consteval std::size_t count_members() {
  if constexpr (Count > most_members + 1) {
    return most_members + 1;
  } else if constexpr (takes_members<T, std::make_index_sequence<Count>> ||
                       takes_lvalues<T, std::make_index_sequence<Count>>) {
    return count_members<T, Count + 1, true>();
  } else if constexpr (Found) {
    return Count - 1;
  } else {
    return count_members<T, Count + 1, false>();
  }
}

/// How many members an aggregate without bases and C arrays has.
template <class T>
inline constexpr std::size_t member_count = count_members<std::remove_cv_t<T>>();

/// Whether `T` can be made of as many members as `Before` counts, an empty `{}`, and as many as `After` counts.
template <class T, class Before, class After>
inline constexpr bool takes_braces = false;
template <class T, std::size_t... Before, std::size_t... After>
inline constexpr bool takes_braces<T, std::index_sequence<Before...>, std::index_sequence<After...>> = requires {
  T{std::declval<any_member_at<Before>>()..., {}, std::declval<any_member_at<After>>()...};
}
|| requires { T{std::declval<any_lvalue_at<Before>>()..., {}, std::declval<any_lvalue_at<After>>()...}; };

/// Whether the initialiser at `At` begins a C array: braces there take the place of several initialisers, so that only
/// fewer than the rest may follow.
template <class T, std::size_t At, std::size_t Rest>
consteval bool begins_array() {
  if constexpr (takes_braces<T, std::make_index_sequence<At>, std::make_index_sequence<Rest>>) {
    return false;
  } else {
    return []<std::size_t... Fewer>(std::index_sequence<Fewer...>) {
      return (takes_braces<T, std::make_index_sequence<At>, std::make_index_sequence<Fewer>> || ...);
    }
    (std::make_index_sequence<Rest>());
  }
}

template <class T>
consteval bool has_array_member() {
  constexpr std::size_t count = member_count<T>;
  return []<std::size_t... At>(std::index_sequence<At...>) { return (begins_array<T, At, count - 1 - At>() || ...); }
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
  } else if constexpr (member_count<T> > most_members) {
    return false;
  } else {
    return !has_array_member<T>();
  }
}

/// An aggregate whose members can be listed: up to 100, no C arrays and no base classes; bit-fields are found out too
/// late for us to tell.
template <class T>
concept walkable_aggregate = is_walkable<T>();

/// References to the members. Boost.PFR's own count would try up to eight numbers for each byte of `T`, which for large
/// ones takes the compiler minutes; so it is told ours, by the function that all of its public ones end in.
template <class T>
constexpr auto tie_members(T& x) {
  return boost::pfr::detail::tie_as_tuple(x, boost::pfr::detail::size_t_<member_count<T>>());
}

/// The type of the member with number `I`.
template <std::size_t I, class T>
using member_t = std::remove_reference_t<
    typename boost::pfr::detail::sequence_tuple::tuple_element<I, decltype(tie_members(std::declval<T&>()))>::type>;

/// Calls `function(member, number)` for each member, in order.
template <class T, class Function>
constexpr void for_each_member(T& x, Function function) {
  const auto members = tie_members(x);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (function(boost::pfr::detail::sequence_tuple::get<I>(members), I), ...);
  }
  (std::make_index_sequence<member_count<T>>());
}

}  // namespace multiprocessing::detail
