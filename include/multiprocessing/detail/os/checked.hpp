// SPDX-License-Identifier: BSL-1.0
/// \file
/// System calls that cannot be ignored: repeated on EINTR, thrown as OSError.
#pragma once

#include <multiprocessing/detail/os/limits.hpp>
#include <multiprocessing/errors.hpp>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <string>

namespace multiprocessing::detail {

/// Throws the OSError that Python raises for `error`.
[[noreturn]] inline void throw_os_error_as_is(int error, const std::string& what) {
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

/// The same; `call` names the call and its object. Where a limit was met, the message names it, too, and says what to do.
[[noreturn]] inline void throw_os_error(int error, const std::string& call, Making making = Making::anything) {
  throw_os_error_as_is(error, call + limit_met(error, making));
}

/// Runs `call` until no signal interrupts it; throws OSError naming `what` when it fails.
template <std::invocable Call>
auto checked(const char* what, Call call, Making making = Making::anything) {
  for (;;) {
    if (auto result = call(); result != -1) return result;
    if (errno != EINTR) throw_os_error(errno, what, making);
  }
}

/// Throws OSError where this process may make no file of `bytes`: the kernel, if asked, would raise SIGXFSZ, which
/// kills.
inline void check_file_size(std::size_t bytes, const std::string& what) {
  if (const auto limit = soft_limit(RLIMIT_FSIZE); limit && *limit < bytes) throw_os_error(EFBIG, what);
}

}  // namespace multiprocessing::detail
