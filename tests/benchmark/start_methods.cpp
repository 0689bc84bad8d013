// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start methods that start the program anew, beside posix_spawn of it and beside a bare fork.
#include "engine/sides.hpp"

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

void posix_spawn_and_wait() {
  std::string program = "/proc/self/exe", nothing = "--nothing";
  char* arguments[] = {program.data(), nothing.data(), nullptr};
  pid_t pid = -1;
  if (const int error = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environ); error != 0)
    throw std::system_error(error, std::generic_category(), "posix_spawn");
  ::waitpid(pid, nullptr, 0);
}

/// A fork whose child wakes its parent, which then waits for it.
void fork_wake_and_wait() {
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    (void)!::write(ends[1], "x", 1);
    ::_exit(0);
  }
  char byte;
  if (pid == -1 || ::read(ends[0], &byte, 1) != 1) throw std::system_error(errno, std::generic_category(), "fork");
  ::close(ends[0]);
  ::close(ends[1]);
  ::waitpid(pid, nullptr, 0);
}

/// `Mib` of the program's own, as large programs have.
template <std::size_t Mib>
struct Own {
  Own() : memory(std::make_unique_for_overwrite<char[]>(Mib << 20)) {
    for (std::size_t at = 0; at < Mib << 20; at += 4096) static_cast<volatile char*>(memory.get())[at] = 1;
  }
  std::unique_ptr<char[]> memory;
};

template <std::size_t Mib = 0>
Figures processes(const char* method) {
  const auto start_and_join = [&] {
    mp::Process process({.start_method = method}, [] {});
    process.start();
    process.join();
  };
  start_and_join();  // the fork server starts, and the arena is made
  const Own<Mib> parents;
  const Figures figures{per_call(start_and_join), {}};
  mp::detail::ForkServer::of_this_process().stop();
  return figures;
}

const char same_program[] = "posix_spawn of this program";
const char fork_and_wake[] = "fork and a wake";
const char small_parent[] = "small parent";

const Add spawn{{.name = "process.spawn",
                 .says = "start and join a process by spawn",
                 .place = Place::free,
                 .contenders = {limit(same_program, [] { return Figures{per_call(posix_spawn_and_wait), {}}; }),
                                ours("spawn", [] { return processes("spawn"); })},
                 .targets = {{same_program, 1.25, 1.1}}}};

const Add forkserver{{.name = "process.forkserver",
                      .says = "start and join a process by forkserver",
                      .place = Place::free,
                      .contenders = {limit(fork_and_wake, [] { return Figures{per_call(fork_wake_and_wait), {}}; }),
                                     ours("forkserver", [] { return processes("forkserver"); })},
                      .targets = {{fork_and_wake, 2.0, 1.5}}}};

const Add forkserver_large{{.name = "process.forkserver_gib_parent",
                            .says = "the same in a parent with 1 GiB of its own",
                            .place = Place::free,
                            .contenders = {limit(small_parent, [] { return processes("forkserver"); }),
                                           ours("forkserver", [] { return processes<1024>("forkserver"); }),
                                           peer("fork", [] { return processes<1024>("fork"); })},
                            .targets = {{small_parent, 1.1, {}}}}};

}  // namespace
}  // namespace benchmark
