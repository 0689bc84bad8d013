// SPDX-License-Identifier: BSL-1.0
/// \file
/// carriable: which types can be sent to a process that has no copy of this one's memory.
#pragma once

#include <multiprocessing/detail/memory/blank.hpp>
#include <multiprocessing/detail/process/text.hpp>
#include <multiprocessing/object/declared.hpp>
#include <multiprocessing/pickle/kinds.hpp>

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

/// What can be made of nothing, in any process: a lambda without captures.
template <class T>
concept conjurable = std::is_class_v<T> && std::is_empty_v<T> && std::movable<T> &&
                     (std::default_initializable<T> || std::is_trivially_copyable_v<T>);

template <class T>
concept function_pointer = std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>;

/// Numbers and the like that lie side by side, and can be filled in one piece.
template <class T>
concept block_range = contiguous_class<T> && (std::is_arithmetic_v<std::ranges::range_value_t<T>> ||
                                              std::is_enum_v<std::ranges::range_value_t<T>>);

/// Of a type that holds itself, as a tree does, those around it are `Around`.
template <class T, class... Around>
consteval bool is_carriable();

template <class T, class... Around>
consteval bool has_carriable_members() {
  if constexpr (!std::default_initializable<T>) {
    return false;
  } else {
    using Members = boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
    return []<class... Member>(boost::mp11::mp_list<Member...>) {
      return (is_carriable<std::remove_cvref_t<decltype(std::declval<T&>().*Member::pointer)>, Around...>() && ...);
    }(boost::mp11::mp_rename<Members, boost::mp11::mp_list>());
  }
}

template <class T, class... Around>
consteval bool has_carriable_fields() {
  if constexpr (std::is_empty_v<T>) {
    return true;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_carriable<std::remove_cv_t<member_t<I, T>>, Around...>() && ...);
    }(std::make_index_sequence<member_count<T>>());
  }
}

template <class T, class... Around>
consteval bool has_carriable_elements() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (is_carriable<std::remove_cv_t<std::tuple_element_t<I, T>>, Around...>() && ...);
  }(std::make_index_sequence<std::tuple_size_v<T>>());
}

/// The alternatives of a std::variant or Boost's.
template <class T>
inline constexpr bool is_template_of_types = false;
template <template <class...> class Variant, class... T>
inline constexpr bool is_template_of_types<Variant<T...>> = true;
template <class... Around, template <class...> class Variant, class... T>
consteval bool has_carriable_alternatives(const Variant<T...>*) {
  return (is_carriable<T, Around...>() && ...);
}

/// A range that reading can fill.
template <class T>
concept fillable_range = std::default_initializable<T> && requires { typename T::value_type; } &&
    (requires(T& x, std::remove_cv_t<typename T::value_type> e) { x.push_back(std::move(e)); } ||
     requires(T& x, std::remove_cv_t<typename T::value_type> e) { x.insert(std::move(e)); } ||
     requires(T& x, std::remove_cv_t<typename T::value_type> e) { x.insert_after(x.before_begin(), std::move(e)); });

template <class T, class... Around>
consteval bool has_carriable_element() {
  using Element = std::remove_cv_t<typename T::element_type>;
  if constexpr (!std::is_object_v<Element> || std::is_array_v<Element>) {
    return false;
  } else if constexpr (std::is_polymorphic_v<Element> && !std::is_final_v<Element>) {
    return false;
  } else {
    return std::constructible_from<T, Element*> && is_carriable<Element, Around...>();
  }
}

/// The order of the questions is that of ParcelWriter and ParcelReader.
template <class T, class... Around>
consteval bool is_carriable() {
  if constexpr ((std::same_as<T, Around> || ...)) {
    return true;  // if the rest of it is
  } else if constexpr (std::same_as<T, Text> || function_pointer<T> || std::is_member_pointer_v<T>) {
    return true;
  } else if constexpr (!std::is_object_v<T> || std::is_const_v<T> || !std::movable<T> || view_class<T>) {
    return false;
  } else if constexpr (std::derived_from<T, object>) {
    return true;
  } else if constexpr (sent_reduced<T>) {
    return true;
  } else if constexpr (sends_itself<T>) {
    return has_blank<T>;
  } else if constexpr (described_class<T>) {
    return has_carriable_members<T, Around..., T>();
  } else if constexpr (conjurable<T> || std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, std::nullptr_t> ||
                       string_class<T> || path_class<T> || complex_number<T> || chrono_duration<T> || chrono_time_point<T>) {
    return true;
  } else if constexpr (!std::is_class_v<T>) {
    return false;
  } else if constexpr (optional_class<T>) {
    return is_carriable<std::remove_cv_t<typename T::value_type>, Around..., T>();
  } else if constexpr (variant_class<T> && is_template_of_types<T>) {
    return has_carriable_alternatives<Around..., T>(static_cast<const T*>(nullptr));
  } else if constexpr (variant_class<T>) {
    return false;
  } else if constexpr (smart_pointer<T>) {
    return has_carriable_element<T, Around..., T>();
  } else if constexpr (std::derived_from<T, std::exception>) {
    return false;  // an exception can't be made of its text alone
  } else if constexpr (map_class<T>) {
    if constexpr (std::default_initializable<T>)
      return is_carriable<typename T::key_type, Around..., T>() && is_carriable<typename T::mapped_type, Around..., T>();
    else
      return false;
  } else if constexpr (fixed_range<T>) {
    return is_carriable<std::remove_cv_t<typename T::value_type>, Around..., T>();
  } else if constexpr (valarray_class<T>) {
    return is_carriable<std::remove_cv_t<typename T::value_type>, Around..., T>();
  } else if constexpr (readable_range<T>) {
    if constexpr (fillable_range<T>)
      return is_carriable<std::remove_cv_t<typename T::value_type>, Around..., T>();
    else
      return false;
  } else if constexpr (tuple_class<T>) {
    return has_carriable_elements<T, Around..., T>();
  } else if constexpr (walkable_aggregate<T>) {
    return has_carriable_fields<T, Around..., T>();
  } else {
    return false;
  }
}

/// What can be sent to a process that was started anew.
template <class T>
concept carriable = is_carriable<T>();

/// Calls the function by which `x` sends itself.
template <class Archive, sends_itself T>
void list_fields(Archive& archive, T& x) {
  if constexpr (has_serialize_member<T>) {
    x.serialize(archive);
  } else {
    serialize(archive, x);
  }
}

}  // namespace multiprocessing::detail
