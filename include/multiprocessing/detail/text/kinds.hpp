// SPDX-License-Identifier: BSL-1.0
/// \file
/// What kind of text a type has; the library's own classes and most of the standard's are known by their shape alone.
#pragma once

#include <multiprocessing/detail/text/quote.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <ostream>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace multiprocessing::detail {

template <class T>
concept has_repr_of = requires(const T& x) {
  { repr_of(x) } -> std::convertible_to<std::string_view>;
};
template <class T>
concept has_str_of = requires(const T& x) {
  { str_of(x) } -> std::convertible_to<std::string_view>;
};

/// What Python calls None.
template <class T>
concept none_type =
    std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t> || std::same_as<T, std::monostate>;

/// An element of std::vector<bool> or std::bitset.
template <class T>
concept bool_reference = std::is_class_v<T> && requires(T x) {
  requires std::convertible_to<const T&, bool>;
  x.flip();
};

template <class T>
concept char_array = std::is_array_v<T> && character<std::remove_cv_t<std::remove_extent_t<T>>>;
template <class T>
concept char_pointer = std::is_pointer_v<T> && character<std::remove_cv_t<std::remove_pointer_t<T>>>;

/// A class that is a string of `Char`: std::basic_string, its view, and those of Boost, with whatever pointers they
/// use.
template <class T, class Char>
concept string_of = std::is_class_v<T> && requires(const T& x) {
  typename T::traits_type;
  requires std::same_as<typename T::value_type, Char>;
  { x.data() } -> std::convertible_to<const Char*>;
  { x.size() } -> std::convertible_to<std::size_t>;
};
template <class T>
concept string_class = string_of<T, char> || string_of<T, wchar_t> || string_of<T, char8_t> || string_of<T, char16_t> ||
    string_of<T, char32_t>;

/// Another class that is a string for whoever takes one.
template <class T>
concept string_convertible = std::is_class_v<T> && std::convertible_to<const T&, std::string_view>;

template <class T>
concept complex_number = requires(const T& x) {
  requires std::floating_point<typename T::value_type>;
  { x.real() } -> std::same_as<typename T::value_type>;
  { x.imag() } -> std::same_as<typename T::value_type>;
};

template <class T>
concept chrono_duration = requires(const T& x) {
  typename T::period;
  T::period::num;
  { x.count() } -> std::same_as<typename T::rep>;
  T::zero();
};

/// std::filesystem::path, without its header.
template <class T>
concept path_class = requires(const T& x) {
  { x.native() } -> std::convertible_to<std::string_view>;
  { x.root_directory() } -> std::same_as<T>;
};

template <class T>
concept optional_class = requires(const T& x) {
  typename T::value_type;
  { x.has_value() } -> std::same_as<bool>;
  *x;
};
template <class T>
concept variant_class = requires(const T& x) {
  { x.valueless_by_exception() } -> std::same_as<bool>;
  visit([](const auto&) {}, x);
};
template <class T>
concept smart_pointer = std::is_class_v<T> && requires(const T& x) {
  typename T::element_type;
  x.get();
  static_cast<bool>(x);
  *x;
};
/// Stands for one other object: std::reference_wrapper.
template <class T>
concept reference_class = requires(const T& x) {
  { x.get() } -> std::same_as<typename T::type&>;
};
template <class T>
concept atomic_class = requires(const T& x) {
  { x.load() } -> std::same_as<typename T::value_type>;
  x.is_lock_free();
};

template <class T>
concept tuple_class = std::is_class_v<T> && requires {
  std::tuple_size<T>::value;
};
template <class T>
concept readable_range =
    std::ranges::input_range<const T> && !std::same_as<std::remove_cvref_t<std::ranges::range_reference_t<const T>>, T>;
template <class T>
concept byte_range = std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T> &&
    std::same_as<std::ranges::range_value_t<const T>, std::byte>;
template <class T>
concept set_class = readable_range<T> && requires {
  typename T::key_type;
};
template <class T>
concept map_class = set_class<T> && requires {
  typename T::mapped_type;
};

template <class T>
concept exception_class = std::derived_from<T, std::exception>;

/// A lambda without captures turns into a pointer to function, and that into a bool: streaming it would give 1.
template <class T>
concept function_like = std::is_function_v<std::remove_pointer_t<T>> || std::is_member_pointer_v<T> ||
    requires(const T& x) {
  requires std::is_class_v<T> && std::is_function_v<std::remove_pointer_t<decltype(+x)>>;
};

/// A class that gives its text by `<<`.
template <class T>
concept streamable = std::is_class_v<T> && !function_like<T> && requires(std::ostream & stream, const T& x) {
  stream << x;
};

/// An enum with a `<<` of its own. The call finds free functions only; the streams' own `<<` for integers, which an
/// unscoped enum also fits, are members.
template <class T>
concept streamable_enum = std::is_enum_v<T> && requires(std::ostream& stream, T x) {
  operator<<(stream, x);
};

}  // namespace multiprocessing::detail
