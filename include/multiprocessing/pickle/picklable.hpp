// SPDX-License-Identifier: BSL-1.0
/// \file
/// picklable: which types can be sent and received, asked without an error where they can't.
#pragma once

#include <multiprocessing/object/object.hpp>
#include <multiprocessing/pickle/kinds.hpp>

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/pfr/core.hpp>

#include <concepts>
#include <cstddef>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

/// Of a type that holds itself, as a tree does, those around it are `Around`.
template <class T, class... Around>
consteval bool is_picklable();

template <class T, class... Around>
consteval bool has_picklable_members() {
  if constexpr (!std::default_initializable<T>) {
    return false;
  } else {
    using Members = boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
    return []<class... Member>(boost::mp11::mp_list<Member...>) {
      return (is_picklable<std::remove_cvref_t<decltype(std::declval<T&>().*Member::pointer)>, Around...>() && ...);
    }(boost::mp11::mp_rename<Members, boost::mp11::mp_list>());
  }
}

template <class T, class... Around>
consteval bool has_picklable_fields() {
  if constexpr (std::is_empty_v<T>) {
    return true;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_picklable<std::remove_cv_t<boost::pfr::tuple_element_t<I, T>>, Around...>() && ...);
    }(std::make_index_sequence<boost::pfr::tuple_size_v<T>>());
  }
}

template <class T, class... Around>
consteval bool has_picklable_elements() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (is_picklable<std::remove_cv_t<std::tuple_element_t<I, T>>, Around...>() && ...);
  }(std::make_index_sequence<std::tuple_size_v<T>>());
}

/// The alternatives of a std::variant or Boost's.
template <class T>
inline constexpr bool is_template_of_types = false;
template <template <class...> class Variant, class... T>
inline constexpr bool is_template_of_types<Variant<T...>> = true;
template <class... Around, template <class...> class Variant, class... T>
consteval bool has_picklable_alternatives(const Variant<T...>*) {
  return (is_picklable<T, Around...>() && ...);
}

/// A range that reading can fill: see read_container.hpp.
template <class T>
concept fillable_range = std::default_initializable<T> && requires { typename T::value_type; } &&
    (requires(T& x, std::remove_cv_t<typename T::value_type> e) { x.push_back(std::move(e)); } ||
     requires(T& x, std::remove_cv_t<typename T::value_type> e) { x.insert(std::move(e)); } ||
     requires(T& x, std::remove_cv_t<typename T::value_type> e) { x.insert_after(x.before_begin(), std::move(e)); });

template <class T, class... Around>
consteval bool has_picklable_element() {
  using Element = std::remove_cv_t<typename T::element_type>;
  if constexpr (!std::is_object_v<Element> || std::is_array_v<Element>) {
    return false;
  } else if constexpr (std::is_polymorphic_v<Element> && !std::is_final_v<Element>) {
    return false;
  } else {
    return std::constructible_from<T, Element*> && is_picklable<Element, Around...>();
  }
}

/// The order of the questions is that of reading.
template <class T, class... Around>
consteval bool is_picklable() {
  if constexpr ((std::same_as<T, Around> || ...)) {
    return true;  // if the rest of it is
  } else if constexpr (!std::is_object_v<T> || std::is_const_v<T> || !std::movable<T> || view_class<T>) {
    return false;
  } else if constexpr (std::derived_from<T, object>) {
    return true;
  } else if constexpr (sent_reduced<T>) {
    return true;
  } else if constexpr (sends_itself<T>) {
    return std::default_initializable<T>;
  } else if constexpr (described_class<T>) {
    return has_picklable_members<T, Around..., T>();
  } else if constexpr (none_type<T> || std::is_arithmetic_v<T> || std::same_as<T, std::byte> || std::is_enum_v<T> ||
                       string_class<T> || path_class<T> || complex_number<T> || chrono_duration<T> || chrono_time_point<T>) {
    return true;
  } else if constexpr (!std::is_class_v<T>) {
    return false;
  } else if constexpr (optional_class<T>) {
    return is_picklable<std::remove_cv_t<typename T::value_type>, Around..., T>();
  } else if constexpr (variant_class<T> && is_template_of_types<T>) {
    return has_picklable_alternatives<Around..., T>(static_cast<const T*>(nullptr));
  } else if constexpr (variant_class<T>) {
    return false;
  } else if constexpr (smart_pointer<T>) {
    return has_picklable_element<T, Around..., T>();
  } else if constexpr (std::derived_from<T, std::exception>) {
    return false;  // written, but what is read is not of this class
  } else if constexpr (map_class<T>) {
    if constexpr (std::default_initializable<T>)
      return is_picklable<typename T::key_type, Around..., T>() && is_picklable<typename T::mapped_type, Around..., T>();
    else
      return false;
  } else if constexpr (fixed_range<T>) {
    return std::default_initializable<T> && is_picklable<std::remove_cv_t<typename T::value_type>, Around..., T>();
  } else if constexpr (valarray_class<T>) {
    return is_picklable<std::remove_cv_t<typename T::value_type>, Around..., T>();
  } else if constexpr (number_range<T> || octet_range<T> || readable_range<T>) {
    if constexpr (fillable_range<T>)
      return is_picklable<std::remove_cv_t<typename T::value_type>, Around..., T>();
    else
      return false;
  } else if constexpr (tuple_class<T>) {
    return has_picklable_elements<T, Around..., T>();
  } else if constexpr (walkable_aggregate<T>) {
    return has_picklable_fields<T, Around..., T>();
  } else {
    return false;
  }
}

/// What `pickle::dumps` writes and `pickle::loads<T>` makes again.
template <class T>
concept picklable = is_picklable<T>();

}  // namespace multiprocessing::detail
