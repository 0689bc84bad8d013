// SPDX-License-Identifier: BSL-1.0
/// \file
/// append_text: Python's text of any object.
#pragma once

#include <multiprocessing/detail/core/aggregate.hpp>
#include <multiprocessing/detail/core/type_name.hpp>
#include <multiprocessing/detail/text/kinds.hpp>
#include <multiprocessing/detail/text/number.hpp>
#include <multiprocessing/detail/text/quote.hpp>
#include <multiprocessing/errors.hpp>

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/mp11/algorithm.hpp>

#include <algorithm>
#include <cstdint>
#include <locale>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace multiprocessing::detail {

/// repr() puts strings in quotes, str() does not; what lies inside a container is always repr().
enum class Style { repr, str };

template <Style style, class T>
void append_text(std::string& out, const T& x);

/// `open`, the elements in repr separated by commas, `close`.
template <class Range, class Append>
void append_list(std::string& out, const char* open, const Range& elements, const char* close, Append append) {
  out += open;
  bool first = true;
  for (auto&& element : elements) {
    if (!std::exchange(first, false)) out += ", ";
    append(element);
  }
  out += close;
}

template <class Range>
void append_list(std::string& out, const char* open, const Range& elements, const char* close) {
  append_list(out, open, elements, close, [&](const auto& element) { append_text<Style::repr>(out, element); });
}

template <Style style, class Char>
void append_string(std::string& out, std::basic_string_view<Char> text) {
  style == Style::repr ? append_quoted(out, text) : append_plain(out, text);
}

template <Style style, class T>
void append_char_pointer(std::string& out, T text) {
  using Char = std::remove_cv_t<std::remove_pointer_t<T>>;
  if (text == nullptr) {
    out += "None";
  } else {
    append_string<style>(out, std::basic_string_view<Char>(const_cast<const Char*>(text)));
  }
}

/// Up to the first NUL, as of a literal; an array without one is text to its end.
template <Style style, class Char, std::size_t Size>
void append_char_array(std::string& out, const Char (&text)[Size]) {
  const auto length = static_cast<std::size_t>(std::find(text, text + Size, Char{}) - text);
  append_string<style>(out, std::basic_string_view<std::remove_cv_t<Char>>(text, length));
}

inline void append_address(std::string& out, const volatile void* address) {
  if (address == nullptr) {
    out += "None";
    return;
  }
  char digits[16];
  const auto end = std::to_chars(digits, std::end(digits), reinterpret_cast<std::uintptr_t>(address), 16).ptr;
  out.append("0x").append(digits, end);
}

template <class T>
void append_streamed(std::string& out, const T& x) {
  std::ostringstream stream;
  stream.imbue(std::locale::classic());  // a program's locale would write 1,000 for 1000
  stream << x;
  out += std::move(stream).str();
}

/// `Color.red` if the enum is described, else its number.
template <class E>
void append_enum(std::string& out, E x) {
  const auto number = +static_cast<std::underlying_type_t<E>>(x);  // promoted: of a bool or a character as well
  if constexpr (boost::describe::has_describe_enumerators<E>::value) {
    const char* name = nullptr;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto enumerator) {
      if (name == nullptr && enumerator.value == x) name = enumerator.name;
    });
    out += class_name(typeid(E));
    if (name != nullptr) {
      out.append(1, '.').append(name);
    } else {
      out += '(';
      append_integer(out, number);
      out += ')';
    }
  } else {
    append_integer(out, number);
  }
}

/// A number and the unit's sign, as C++20's own `<<` of durations: `5s`, `1.5ms`, `3[7]s`.
template <class Duration>
void append_duration(std::string& out, const Duration& x) {
  append_text<Style::repr>(out, x.count());
  constexpr std::intmax_t num = Duration::period::num, den = Duration::period::den;
  constexpr auto is = [](std::intmax_t n, std::intmax_t d) { return num == n && den == d; };
  if constexpr (is(1, 1'000'000'000))
    out += "ns";
  else if constexpr (is(1, 1'000'000))
    out += "us";
  else if constexpr (is(1, 1000))
    out += "ms";
  else if constexpr (is(1, 1))
    out += "s";
  else if constexpr (is(60, 1))
    out += "min";
  else if constexpr (is(3600, 1))
    out += "h";
  else if constexpr (is(86400, 1))
    out += "d";
  else {
    out += '[';
    append_integer(out, num);
    if (den != 1) {
      out += '/';
      append_integer(out, den);
    }
    out += "]s";
  }
}

template <class T>
void append_tuple(std::string& out, const T& x) {
  out += '(';
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    using std::get;
    ((out += I == 0 ? "" : ", ", append_text<Style::repr>(out, get<I>(x))), ...);
  }
  (std::make_index_sequence<std::tuple_size<T>::value>());
  out += std::tuple_size<T>::value == 1 ? ",)" : ")";
}

/// `Point(x=1, y=2)`, as of Python's dataclasses: bases first, private members too if the author described them.
template <class T>
void append_described(std::string& out, const T& x) {
  using members =
      boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  out.append(class_name(typeid(T))).append(1, '(');
  bool first = true;
  boost::mp11::mp_for_each<members>([&](auto member) {
    if (!std::exchange(first, false)) out += ", ";
    out.append(member.name).append(1, '=');
    append_text<Style::repr>(out, x.*member.pointer);
  });
  out += ')';
}

/// `Point(1, 2)`: an aggregate's members have no names that C++ could tell.
template <class T>
void append_aggregate(std::string& out, const T& x) {
  out.append(class_name(typeid(T))).append(1, '(');
  if constexpr (!std::is_empty_v<T>) {
    for_each_member(x, [&](const auto& member, std::size_t i) {
      if (i != 0) out += ", ";
      append_text<Style::repr>(out, member);
    });
  }
  out += ')';
}

inline void append_exception(std::string& out, const std::type_info& type, std::string_view message) {
  out.append(class_name(type)).append(1, '(');
  append_quoted(out, message);
  out += ')';
}

/// The order of the questions matters: what the author of a type says comes first; but what a stream would show of a
/// pointer, a bool or a double is not Python's text, so those never get as far as `<<`.
template <Style style, class T>
void append_text(std::string& out, const T& x) {
  if constexpr (style == Style::str && has_str_of<T>) {
    out += std::string_view(str_of(x));
  } else if constexpr (has_repr_of<T>) {
    out += std::string_view(repr_of(x));
  } else if constexpr (std::same_as<T, bool> || bool_reference<T>) {
    out += static_cast<bool>(x) ? "True" : "False";
  } else if constexpr (none_type<T>) {
    out += "None";
  } else if constexpr (character<T>) {
    append_string<style>(out, std::basic_string_view<T>(&x, 1));
  } else if constexpr (std::integral<T>) {
    append_integer(out, x);
  } else if constexpr (std::floating_point<T>) {
    append_float(out, x);
  } else if constexpr (std::is_enum_v<T>) {
    if constexpr (streamable_enum<T>)
      append_streamed(out, x);
    else
      append_enum(out, x);
  } else if constexpr (char_array<T>) {
    append_char_array<style>(out, x);
  } else if constexpr (char_pointer<T>) {
    append_char_pointer<style>(out, x);
  } else if constexpr (std::is_pointer_v<T> && !function_like<T>) {
    append_address(out, x);
  } else if constexpr (string_class<T>) {
    append_string<style>(out, std::basic_string_view<typename T::value_type>(x.data(), x.size()));
  } else if constexpr (path_class<T>) {
    if constexpr (style == Style::str) {
      out += x.native();
    } else {
      out += "PosixPath(";
      append_quoted(out, std::string_view(x.native()));
      out += ')';
    }
  } else if constexpr (complex_number<T>) {
    append_complex(out, x.real(), x.imag());
  } else if constexpr (chrono_duration<T>) {
    append_duration(out, x);
  } else if constexpr (atomic_class<T>) {
    append_text<style>(out, x.load());
  } else if constexpr (reference_class<T> && !function_like<T>) {
    append_text<style>(out, x.get());
  } else if constexpr (smart_pointer<T>) {
    if (x)
      append_text<style>(out, *x);
    else
      out += "None";
  } else if constexpr (streamable<T>) {
    append_streamed(out, x);
  } else if constexpr (string_convertible<T>) {
    append_string<style>(out, static_cast<std::string_view>(x));
  } else if constexpr (optional_class<T>) {
    if (x.has_value())
      append_text<style>(out, *x);
    else
      out += "None";
  } else if constexpr (variant_class<T>) {
    if (x.valueless_by_exception())
      out += "None";
    else
      visit([&](const auto& active) { append_text<style>(out, active); }, x);
  } else if constexpr (exception_class<T>) {
    if constexpr (style == Style::str)
      out += x.what();
    else
      append_exception(out, typeid(x), x.what());
  } else if constexpr (std::same_as<T, SystemExit>) {
    if constexpr (style == Style::str) {
      out += x.message().empty() ? std::to_string(x.code()) : x.message();
    } else if (!x.message().empty()) {
      append_exception(out, typeid(x), x.message());
    } else {
      out += "SystemExit(" + std::to_string(x.code()) + ")";
    }
  } else if constexpr (byte_range<T>) {
    append_bytes(out,
                 {reinterpret_cast<const char*>(std::ranges::data(x)), static_cast<std::size_t>(std::ranges::size(x))});
  } else if constexpr (map_class<T>) {
    append_list(out, "{", x, "}", [&](const auto& item) {
      append_text<Style::repr>(out, item.first);
      out += ": ";
      append_text<Style::repr>(out, item.second);
    });
  } else if constexpr (set_class<T>) {
    if (std::ranges::begin(x) == std::ranges::end(x))
      out += "set()";
    else
      append_list(out, "{", x, "}");
  } else if constexpr (readable_range<T>) {
    append_list(out, "[", x, "]");
  } else if constexpr (tuple_class<T>) {
    append_tuple(out, x);
  } else if constexpr (boost::describe::has_describe_members<T>::value) {
    append_described(out, x);
  } else if constexpr (walkable_aggregate<T>) {
    append_aggregate(out, x);
  } else {
    static_assert(
        sizeof(T*) == 0,
        "repr/print: T has no text: give it operator<<, make it an aggregate or describe it with Boost.Describe");
  }
}

}  // namespace multiprocessing::detail
