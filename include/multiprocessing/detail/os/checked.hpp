// SPDX-License-Identifier: BSL-1.0
/// \file
/// System calls that cannot be ignored: repeated on EINTR, thrown as OSError.
#pragma once

#include <multiprocessing/errors.hpp>

#include <cerrno>
#include <concepts>
#include <string>

namespace multiprocessing::detail {

/// Throws the OSError that Python raises for `error`; `what` names the call and its object.
[[noreturn]] inline void throw_os_error(int error, const std::string& what) {
  const std::error_code code(error, std::generic_category());
  switch (error) {
    case EPIPE: throw BrokenPipeError(code, what);
    case EACCES:
    case EPERM: throw PermissionError(code, what);
    case EEXIST: throw FileExistsError(code, what);
    case ENOENT: throw FileNotFoundError(code, what);
    case ECONNREFUSED: throw ConnectionRefusedError(code, what);
    default: throw OSError(code, what);
  }
}

/// Runs `call` until no signal interrupts it; throws OSError naming `what` when it fails.
template <std::invocable Call>
auto checked(const char* what, Call call) {
  for (;;) {
    if (auto result = call(); result != -1) return result;
    if (errno != EINTR) throw_os_error(errno, what);
  }
}

}  // namespace multiprocessing::detail
