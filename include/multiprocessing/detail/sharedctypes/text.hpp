// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's text of numbers in shared memory: `c_double(0.0)`.
#pragma once

#include <multiprocessing/detail/text/append.hpp>

#include <string>
#include <type_traits>

namespace multiprocessing::detail {

template <Style style, class T>
std::string text_of(const T& x) {
  std::string text;
  append_text<style>(text, x);
  return text;
}

/// What Python's ctypes calls T on a machine where long has 64 bits; nullptr for a type that C does not have.
template <class T>
constexpr const char* ctypes_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "c_bool";
  else if constexpr (std::is_same_v<T, char>)
    return "c_char";
  else if constexpr (std::is_same_v<T, wchar_t>)
    return "c_wchar";
  else if constexpr (std::is_same_v<T, signed char>)
    return "c_byte";
  else if constexpr (std::is_same_v<T, unsigned char>)
    return "c_ubyte";
  else if constexpr (std::is_same_v<T, short>)
    return "c_short";
  else if constexpr (std::is_same_v<T, unsigned short>)
    return "c_ushort";
  else if constexpr (std::is_same_v<T, int>)
    return "c_int";
  else if constexpr (std::is_same_v<T, unsigned>)
    return "c_uint";
  else if constexpr (std::is_same_v<T, long> || std::is_same_v<T, long long>)
    return "c_long";
  else if constexpr (std::is_same_v<T, unsigned long> || std::is_same_v<T, unsigned long long>)
    return "c_ulong";
  else if constexpr (std::is_same_v<T, float>)
    return "c_float";
  else if constexpr (std::is_same_v<T, double>)
    return "c_double";
  else if constexpr (std::is_same_v<T, long double>)
    return "c_longdouble";
  else
    return nullptr;
}

/// `c_int(3)`, `c_char(b'x')`; of what C does not have, its own text.
template <class T>
std::string ctypes_text(const T& x) {
  constexpr const char* name = ctypes_name<T>();
  if constexpr (name == nullptr) {
    return text_of<Style::repr>(x);
  } else {
    std::string text(name);
    text += '(';
    if constexpr (std::is_same_v<T, char>)
      append_bytes(text, {&x, 1});
    else
      append_text<Style::repr>(text, x);
    return text += ')';
  }
}

}  // namespace multiprocessing::detail
