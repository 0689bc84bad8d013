// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start method "spawn": the child is this program, started anew.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/os/pidfd.hpp>
#include <multiprocessing/detail/os/start_program.hpp>
#include <multiprocessing/detail/os/stdio.hpp>
#include <multiprocessing/detail/process/birth.hpp>
#include <multiprocessing/detail/process/package.hpp>
#include <multiprocessing/detail/process/preparation.hpp>
#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/process/spawning.hpp>
#include <multiprocessing/detail/process/take_over.hpp>
#include <multiprocessing/detail/runtime/children.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process/start_method.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing {

namespace detail {

/// Nothing is inherited but the standard output and error, the working directory and the environment; target and
/// arguments are sent. So threads of the parent do no harm, and its size costs nothing.
struct Spawn {
  static constexpr std::string_view name = "spawn";
  static constexpr std::string_view process_class = "SpawnProcess";
  static constexpr bool sends = true;

  std::shared_ptr<Child> launch(const std::shared_ptr<ProcessRecord>& record, Life& life) const;
};

inline std::shared_ptr<Child> Spawn::launch(const std::shared_ptr<ProcessRecord>& record, Life& life) const {
  const std::string executable = executable_to_start();
  Package package;
  life.pack(package);
  flush_standard_streams();
  Fd lifeline = RuntimeAccess()->lifeline.take();
  pid_t pid = -1;
  try {
    Birth birth;
    ParcelWriter told;
    told(Preparation::of(*record, package, birth.slot(), name));
    const Fd parcel = make_memory_file(write_parcel(&take_over_as_child, told.view(), package.message()));
    std::vector<int> fds{parcel.get(), birth.arena(), lifeline.get()};
    fds.insert(fds.end(), package.descriptors().begin(), package.descriptors().end());
    pid = start_anew(executable, fds);
    birth.happened(pid);
  } catch (...) {
    RuntimeAccess()->lifeline.give_back(std::move(lifeline));
    throw;
  }
  return std::make_shared<Child>(pid, open_pidfd(pid), &child_collected, std::move(lifeline));
}

static_assert(start_method<Spawn>);

}  // namespace detail

/// Call it first in main. In a child by "spawn", and in the server of "forkserver", it takes over and never returns; in any
/// other process it does nothing. Without it both methods refuse to start processes, since a child would run main again.
inline void freeze_support(int argc, char** argv) {
  detail::take_over(argc, argv);
  if (!detail::main_takes_over.exchange(true)) detail::mark_main();
}

/// Which program is started by "spawn" and "forkserver", instead of this one; it must have been built of the same code, so
/// that it finds the targets, and call freeze_support(). For code in a library whose main program does not. Absent: this one.
inline void set_executable(std::optional<std::string> path) {
  const detail::RuntimeAccess access;
  detail::start_settings().executable = std::move(path);
}

}  // namespace multiprocessing
