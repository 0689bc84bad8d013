// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start method "forkserver": the child is forked from a clean image of this program.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/os/pidfd.hpp>
#include <multiprocessing/detail/os/start_program.hpp>
#include <multiprocessing/detail/os/stdio.hpp>
#include <multiprocessing/detail/process/birth.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/process/fork_server.hpp>
#include <multiprocessing/detail/process/package.hpp>
#include <multiprocessing/detail/process/preparation.hpp>
#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/runtime/children.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/process/start_method.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing {

namespace detail {

/// As by Spawn, target and arguments are sent, threads of the parent do no harm, and its size costs nothing; but the program
/// is started once, and forked from then on. Standard output and error and the environment are those of the first start.
struct Forkserver {
  static constexpr std::string_view name = "forkserver";
  static constexpr std::string_view process_class = "ForkServerProcess";
  static constexpr bool sends = true;

  std::shared_ptr<Child> launch(const std::shared_ptr<ProcessRecord>& record, Life& life) const;
};

inline std::shared_ptr<Child> Forkserver::launch(const std::shared_ptr<ProcessRecord>& record, Life& life) const {
  Package package;
  life.pack(package);
  flush_standard_streams();
  Fd lifeline = RuntimeAccess()->lifeline.take();
  pid_t pid = -1;
  try {
    Birth birth;
    ParcelWriter told;
    told(Preparation::of(*record, package, birth.slot(), name));
    const Fd parcel = make_memory_file(std::string(told.view()).append(package.message()));
    std::vector<int> fds{parcel.get(), lifeline.get()};
    fds.insert(fds.end(), package.descriptors().begin(), package.descriptors().end());
    pid = ForkServer::of_this_process().fork(fds);
    birth.happened(pid);
  } catch (...) {
    RuntimeAccess()->lifeline.give_back(std::move(lifeline));
    throw;
  }
  return std::make_shared<Child>(pid, open_pidfd(pid), &child_collected, std::move(lifeline));
}

static_assert(start_method<Forkserver>);

}  // namespace detail

/// Functions that the fork server runs once, before it forks: what they load or compute all its children have. Like Python's,
/// for a server that is not yet running, and also for those of this process's children; what such a function throws is reported,
/// and the server goes on.
inline void set_forkserver_preload(std::vector<void (*)()> functions) {
  std::vector<detail::CodeName> preloads;
  for (void (*const each)() : functions) preloads.push_back(detail::CodeName::of(reinterpret_cast<std::uintptr_t>(each)));
  const detail::RuntimeAccess access;
  detail::start_settings().preloads = std::move(preloads);
}

}  // namespace multiprocessing
