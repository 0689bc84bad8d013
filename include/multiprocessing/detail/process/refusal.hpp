// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a program is told whose process could not be started: what was tried, on what, why not, and what to do.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/runtime/report.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/pickle/errors.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <typeinfo>

namespace multiprocessing::detail {

/// Throws the same again, with `before` and `behind` around its text.
[[noreturn]] inline void throw_again(const OSError& error, const std::string& before, const std::string& behind = {}) {
  std::string text = error.what();
  const std::string reason = ": " + error.code().message();  // is added once more
  if (text.ends_with(reason)) text.resize(text.size() - reason.size());
  throw_os_error_as_is(error.code().value(), before + text + behind);
}

/// Throws the same again for the start of the process `name`.
[[noreturn]] inline void refuse_to_start(const OSError& error, const std::string& name, std::string_view method) {
  throw_again(error, "start: process '" + name + "' could not be started by '" + std::string(method) + "': ");
}

/// "argument 1, of type Point, can't be sent to a process that is started anew"; number 0 is the target.
inline std::string cannot_be_sent(std::size_t number, const std::string& type_name) {
  return (number == 0 ? "the target" : "argument " + std::to_string(number)) + ", of type " + type_name +
         ", can't be sent to a process that is started anew";
}

/// Throws the PicklingError that says which can't be sent, since its type can't.
[[noreturn]] inline void refuse_to_carry(std::size_t number, const std::type_info& type) {
  const std::string name = qualified_name(type);
  const std::string_view last = std::string_view(name).substr(name.rfind("::") + 1);  // of what lies in what: ":{lambda()#1}"
  const bool is_lambda = name.ends_with('}') || last.starts_with(":$_");              // as g++ and clang call it
  throw PicklingError("start: " + cannot_be_sent(number, name) +
                      (is_lambda ? ": a lambda with captures has no form outside this process; let it capture nothing and pass the "
                                   "rest as arguments, or use the start method 'fork'"
                                 : ": it can't be pickled; send what it consists of, describe the class, give it a serialize() "
                                   "function (see docs/pickle.md), or use the start method 'fork'"));
}

/// Throws the exception that is being handled again, saying which could not be sent.
[[noreturn]] inline void refuse_to_carry_this(std::size_t number, const std::type_info& type) {
  const std::string what = cannot_be_sent(number, qualified_name(type)) + ": ";
  try {
    throw;
  } catch (const PicklingError& error) {
    throw PicklingError("start: " + what + error.what());
  } catch (const OSError& error) {
    throw_again(error, what);
  } catch (const ValueError& error) {
    throw ValueError("start: " + what + error.what());
  }
}

}  // namespace multiprocessing::detail
