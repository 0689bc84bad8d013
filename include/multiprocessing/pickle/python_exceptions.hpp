// SPDX-License-Identifier: BSL-1.0
/// \file
/// Which exception of Python's a C++ exception is.
#pragma once

#include <multiprocessing/detail/core/type_name.hpp>
#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>

namespace multiprocessing::detail {

struct PythonName {
  std::string_view module, name;
};

/// The library's exceptions, which have Python's names, with the modules that Python's own pickles have.
inline constexpr PythonName python_exceptions[] = {
    {"builtins", "AssertionError"},
    {"builtins", "BrokenPipeError"},
    {"builtins", "ConnectionRefusedError"},
    {"builtins", "EOFError"},
    {"builtins", "FileExistsError"},
    {"builtins", "FileNotFoundError"},
    {"builtins", "IndexError"},
    {"builtins", "KeyError"},
    {"builtins", "LookupError"},
    {"builtins", "MemoryError"},
    {"builtins", "NotImplementedError"},
    {"builtins", "OSError"},
    {"builtins", "PermissionError"},
    {"builtins", "RecursionError"},
    {"builtins", "RuntimeError"},
    {"builtins", "TypeError"},
    {"builtins", "ValueError"},
    {"_pickle", "PickleError"},
    {"_pickle", "PicklingError"},
    {"_pickle", "UnpicklingError"},
    {"_queue", "Empty"},
    {"queue", "Full"},
    {"threading", "BrokenBarrierError"},
    {"multiprocessing.context", "AuthenticationError"},
    {"multiprocessing.context", "BufferTooShort"},
    {"multiprocessing.context", "ProcessError"},
    {"multiprocessing.context", "TimeoutError"},
};

/// The exception of that name; else the nearest that it derives from.
inline PythonName python_exception(const std::exception& error) {
  if (dynamic_cast<const Exception*>(&error) != nullptr) {
    const std::string own = class_name(typeid(error));
    const auto* const found = std::find_if(std::begin(python_exceptions), std::end(python_exceptions),
                                           [&](const PythonName& each) { return each.name == own; });
    if (found != std::end(python_exceptions)) return *found;
  }
  const auto is = [&]<class Base>(const Base*) { return dynamic_cast<const Base*>(&error) != nullptr; };
  if (is(static_cast<const ProcessError*>(nullptr))) return {"multiprocessing.context", "ProcessError"};
  if (is(static_cast<const std::bad_alloc*>(nullptr))) return {"builtins", "MemoryError"};
  if (is(static_cast<const std::system_error*>(nullptr))) return {"builtins", "OSError"};
  if (is(static_cast<const std::out_of_range*>(nullptr))) return {"builtins", "IndexError"};
  if (is(static_cast<const std::invalid_argument*>(nullptr))) return {"builtins", "ValueError"};
  if (is(static_cast<const std::overflow_error*>(nullptr))) return {"builtins", "OverflowError"};
  return {"builtins", "RuntimeError"};
}

}  // namespace multiprocessing::detail
