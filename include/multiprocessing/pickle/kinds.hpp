// SPDX-License-Identifier: BSL-1.0
/// \file
/// What C++ types are sent as; most classes of the standard are known by their shape alone, without their headers.
#pragma once

#include <multiprocessing/detail/core/aggregate.hpp>
#include <multiprocessing/detail/text/kinds.hpp>
#include <multiprocessing/object/declared.hpp>

#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <iterator>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace multiprocessing {

/// The Python class that a described class or an enum is sent as an instance of, to be set in the type's own header:
///
///     template <>
///     inline constexpr std::string_view multiprocessing::python_class<Account> = "bank.Account";
///
/// A described class otherwise is sent as a dict of its members, an enum as its number.
template <class T>
inline constexpr std::string_view python_class = {};

namespace detail {

/// Stands in for an archive, to ask whether a type sends itself.
struct AnyArchive {
  template <class... Fields>
  void operator()(Fields&&...);
};
template <class T>
concept has_serialize_member = std::is_class_v<T> && requires(T& x, AnyArchive& archive) {
  x.serialize(archive);
};
template <class T>
concept has_serialize_friend = std::is_class_v<T> && requires(T& x, AnyArchive& archive) {
  serialize(archive, x);
};
/// A type that sends itself, by one function in its own header, which lists what it consists of.
template <class T>
concept sends_itself = has_serialize_member<T> || has_serialize_friend<T>;

/// A type that is sent as an object which only it can make and understand, an instance of a class of Python's most often:
/// `object reduce() const`, as Python's `__reduce__`, and `static T rebuild(const object&)`.
template <class T>
concept sent_reduced = std::is_class_v<T> && requires(const T& x, const object& sent) {
  { x.reduce() } -> std::convertible_to<object>;
  { T::rebuild(sent) } -> std::same_as<T>;
};

template <class T>
concept described_class = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

template <class T>
concept chrono_time_point = requires(const T& x) {
  typename T::clock;
  { x.time_since_epoch() } -> std::same_as<typename T::duration>;
};
template <class T>
concept calendar_time = chrono_time_point<T> && std::same_as<typename T::clock, std::chrono::system_clock>;

/// A number that array.array knows.
template <class T>
concept array_number = (std::integral<T> && !std::same_as<T, bool> && !character<T> && sizeof(T) <= 8) ||
                       std::same_as<T, float> || std::same_as<T, double>;

template <class T>
concept contiguous_class =
    std::is_class_v<T> && std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T>;
/// Elements side by side that are sent in one piece: as array.array.
template <class T>
concept number_range = contiguous_class<T> && array_number<std::ranges::range_value_t<const T>>;
/// And as bytes: std::byte, and char where it is not in a string.
template <class T>
concept octet_range = contiguous_class<T> &&(std::same_as<std::ranges::range_value_t<const T>, std::byte> ||
                                             std::same_as<std::ranges::range_value_t<const T>, char>);
/// std::valarray has no iterators of its own.
template <class T>
concept valarray_class = std::is_class_v<T> && requires(const T& x, T& y) {
  x.cshift(1);
  y[std::size_t{}];
  y.resize(std::size_t{});
};

/// std::array: a range whose size is part of its type.
template <class T>
concept fixed_range = tuple_class<T> && std::ranges::range<T>;
/// Several of them may point to one object.
template <class T>
concept shared_pointer = smart_pointer<T> && std::constructible_from < std::shared_ptr<const void>,
const T& > ;
/// What Python tells apart although it is equal: no numbers, and no text.
template <class T>
concept has_identity = std::is_class_v<T> && !string_class<T>;
/// A map that may hold a key more than once, which a dict cannot.
template <class T>
concept multi_map = map_class<T> && !requires(T & x) {
  x.try_emplace(typename T::key_type(), typename T::mapped_type());
};
/// Its elements lie in another object.
template <class T>
concept view_class = (std::ranges::view<T> && std::ranges::borrowed_range<T>) || std::is_pointer_v<T>;

template <class T>
inline constexpr bool always_false = false;

}  // namespace detail

}  // namespace multiprocessing
