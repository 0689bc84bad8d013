// SPDX-License-Identifier: BSL-1.0
/// \file
/// write: a C++ value of any type, as a value of Python's.
#pragma once

#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/write_class.hpp>
#include <multiprocessing/pickle/write_container.hpp>
#include <multiprocessing/pickle/write_object.hpp>
#include <multiprocessing/pickle/write_time.hpp>
#include <multiprocessing/pickle/writer.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>

namespace multiprocessing::detail {

template <class Number>
void write_number(Writer& writer, Number value) {
  if constexpr (std::floating_point<Number>) {
    writer.real(static_cast<double>(value));
  } else if constexpr (std::is_signed_v<Number>) {
    writer.integer(static_cast<std::int64_t>(value));
  } else {
    writer.integer(static_cast<std::uint64_t>(value));
  }
}

/// A str, of whatever characters.
template <class Char>
void write_string(Writer& writer, std::basic_string_view<Char> text) {
  if constexpr (sizeof(Char) == 1) {
    writer.text({reinterpret_cast<const char*>(text.data()), text.size()});
  } else {
    std::string utf8;
    while (!text.empty()) append_utf8(utf8, take_code(text));  // surrogates without their other half stay as they are
    writer.wire_text(utf8);
  }
}

/// The order of the questions matters: what the author of a type says comes first, then what it looks like.
template <class T>
void write(Writer& writer, const T& x) {
  if constexpr (std::derived_from<T, object>) {
    ObjectWriter(writer).write(x);
  } else if constexpr (sent_reduced<T>) {
    ObjectWriter(writer).write(x.reduce());
  } else if constexpr (sends_itself<T>) {
    write_by_itself(writer, x);
  } else if constexpr (described_class<T>) {
    write_described(writer, x);
  } else if constexpr (none_type<T>) {
    writer.none();
  } else if constexpr (std::same_as<T, bool> || bool_reference<T>) {
    writer.boolean(static_cast<bool>(x));
  } else if constexpr (character<T>) {
    write_string(writer, std::basic_string_view<T>(&x, 1));
  } else if constexpr (std::is_arithmetic_v<T>) {
    write_number(writer, x);
  } else if constexpr (std::same_as<T, std::byte>) {
    writer.integer(std::to_integer<std::int64_t>(x));
  } else if constexpr (std::is_enum_v<T>) {
    write_enum(writer, x);
  } else if constexpr (char_array<T>) {
    using Char = std::remove_cv_t<std::remove_extent_t<T>>;
    constexpr std::size_t size = std::extent_v<T>;
    const auto length = static_cast<std::size_t>(std::find(x, x + size, Char{}) - x);
    write_string(writer, std::basic_string_view<Char>(x, length));
  } else if constexpr (char_pointer<T>) {
    using Char = std::remove_cv_t<std::remove_pointer_t<T>>;
    x == nullptr ? writer.none() : write_string(writer, std::basic_string_view<Char>(x));
  } else if constexpr (string_class<T>) {
    write_string(writer, std::basic_string_view<typename T::value_type>(x.data(), x.size()));
  } else if constexpr (path_class<T>) {
    write_path(writer, x);
  } else if constexpr (complex_number<T>) {
    write_complex(writer, x);
  } else if constexpr (chrono_duration<T>) {
    write_duration(writer, x);
  } else if constexpr (chrono_time_point<T>) {
    write_time_point(writer, x);
  } else if constexpr (optional_class<T>) {
    x.has_value() ? write(writer, *x) : writer.none();
  } else if constexpr (variant_class<T>) {
    if (x.valueless_by_exception()) throw PicklingError("dumps: a variant lost its value to an exception");
    visit([&](const auto& active) { write(writer, active); }, x);
  } else if constexpr (smart_pointer<T>) {
    write_pointer(writer, x);
  } else if constexpr (std::derived_from<T, std::exception>) {
    write_exception(writer, x);
  } else if constexpr (map_class<T>) {
    write_map(writer, x);
  } else if constexpr (valarray_class<T>) {
    write_valarray(writer, x);
  } else if constexpr (octet_range<T>) {
    writer.octets({reinterpret_cast<const char*>(std::ranges::data(x)), std::ranges::size(x)});
  } else if constexpr (number_range<T>) {
    write_numbers(writer, std::ranges::data(x), std::ranges::size(x));
  } else if constexpr (set_class<T>) {
    write_set(writer, x);
  } else if constexpr (std::is_bounded_array_v<T> && array_number<std::remove_extent_t<T>>) {
    write_numbers(writer, x, std::extent_v<T>);
  } else if constexpr (readable_range<T>) {
    write_sequence(writer, x);
  } else if constexpr (tuple_class<T>) {
    write_tuple(writer, x);
  } else if constexpr (walkable_aggregate<T>) {
    write_aggregate(writer, x);
  } else {
    refuse_type<T>();
  }
}

}  // namespace multiprocessing::detail
