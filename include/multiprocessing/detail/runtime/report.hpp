// SPDX-License-Identifier: BSL-1.0
/// \file
/// Exceptions that nobody caught, as text on stderr.
#pragma once

#include <multiprocessing/detail/os/stdio.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>

namespace multiprocessing::detail {

/// A type's name in full: "std::runtime_error".
inline std::string qualified_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  return name ? name.get() : type.name();
}

/// The exception being handled, as Python's last line of a traceback: "std::runtime_error: text". What is no
/// std::exception has no text, but for strings.
inline std::string describe_current_exception() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  const std::string name = type == nullptr ? "unknown exception" : qualified_name(*type);
  try {
    throw;
  } catch (const std::exception& error) {
    return name + ": " + error.what();
  } catch (const std::string& text) {
    return name + ": " + text;
  } catch (const char* text) {
    return name + ": " + text;
  } catch (...) {
    return name;
  }
}

/// Writes `heading` and the exception being handled to stderr, after what is buffered there, as one piece.
inline void report_current_exception(const std::string& heading) noexcept {
  try {
    const std::string text = heading + '\n' + describe_current_exception() + '\n';
    flush_standard_streams();
    write_to_stderr(text);
  } catch (...) {
    write_to_stderr("an exception could not be reported: no memory\n");
  }
}

}  // namespace multiprocessing::detail
