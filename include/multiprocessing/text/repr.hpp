// SPDX-License-Identifier: BSL-1.0
/// \file
/// repr: Python's text of an object.
#pragma once

#include <multiprocessing/detail/text/append.hpp>

#include <string>

namespace multiprocessing {

/// Python's `repr(x)`: `True`, `None`, `1.0`, `'text'`, `b'\x00'`, `[1, 2]`, `(1, 2)`, `{1, 2}`, `{'a': 1}`,
/// `Point(x=1, y=2)`, `ValueError('text')`.
///
/// Strings are taken as UTF-8; a byte that is not shows as a lone surrogate, `'\udcff'`, as of os.fsdecode. Pointers
/// that own (`unique_ptr`, `shared_ptr`) show what they point to, or None; raw ones their address, or None.
///
/// A class gives its text itself, by `operator<<`; or, where Python would define `__repr__` (and `__str__`, if print
/// shows something else), by a hidden friend of that name, which wins over `<<`:
///
///     friend std::string repr_of(const Account& a) { return "<Account " + a.owner + ">"; }
///     friend std::string str_of(const Account& a) { return a.owner; }
///
/// Without them an enum or class described by Boost.Describe shows its names, and an aggregate its members. Never
/// overload repr itself: it would not be found for what lies in a container.
template <class T>
std::string repr(const T& x) {
  std::string text;
  detail::append_text<detail::Style::repr>(text, x);
  return text;
}

}  // namespace multiprocessing
