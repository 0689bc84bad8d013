// SPDX-License-Identifier: BSL-1.0
/// \file
/// Which program is started anew, and how.
#pragma once

#include <multiprocessing/detail/os/inheritance.hpp>
#include <multiprocessing/detail/os/start_program.hpp>
#include <multiprocessing/detail/process/refusal.hpp>
#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/process/take_over.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>

#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

inline constexpr char this_program[] = "/proc/self/exe";  // also when its file was moved or deleted

/// The program that is started anew. Throws RuntimeError when its main() would not take over in the child.
inline std::string executable_to_start() {
  std::optional<std::string> set;
  {
    const RuntimeAccess access;
    set = start_settings().executable;
  }
  if (set) return *set;
  if (!main_takes_over && !main_is_marked())  // this copy of the library, or another
    throw RuntimeError(
        "start: no process can be started anew, since main() has not called mp::freeze_support(argc, argv). By 'spawn' and "
        "'forkserver' the child is this program, which begins at main(): call it there first, before anything else, and start "
        "processes behind it; or use the start method 'fork'");
  return this_program;
}

/// Starts the program anew, with `fds` from parcel_fd on.
inline pid_t start_anew(const std::string& executable, const std::vector<int>& fds) {
  const std::string called = executable == this_program ? program_name() : executable;
  try {
    return start_program(executable, {called, spawn_marker, "fds=" + std::to_string(fds.size())}, fds);
  } catch (const OSError& error) {
    if (executable == this_program) throw;
    throw_again(error, "", " (mp::set_executable() names it: give the full path of a program)");
  }
}

}  // namespace multiprocessing::detail
