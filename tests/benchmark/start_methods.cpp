// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start methods that start the program anew, beside posix_spawn of it and beside a bare fork.
#include "engine/python.hpp"
#include "engine/sides.hpp"

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

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

/// So much memory of the program's own, as large programs have, in small pages: the most that a fork can have to copy.
class Own {
 public:
  explicit Own(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    memory_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of memory of its own");
    ::madvise(memory_, bytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory_)[at] = 1;
  }
  Own(const Own&) = delete;
  Own& operator=(const Own&) = delete;
  ~Own() {
    if (memory_ != nullptr) ::munmap(memory_, bytes_);
  }

 private:
  std::size_t bytes_;
  void* memory_ = nullptr;
};

Figures processes(const char* method, std::size_t gib_of_parent = 0) {
  const auto start_and_join = [&] {
    mp::Process process({.start_method = method}, [] {});
    process.start();
    process.join();
  };
  start_and_join();  // the fork server starts, and the arena is made
  const Own parents(gib_of_parent << 30);
  const Figures figures{per_call(start_and_join), {}};
  mp::detail::ForkServer::of_this_process().stop();
  return figures;
}

/// The same in Python; the first is not counted either.
Figures processes_of_python(const std::string& method) {
  return time_in_python("import multiprocessing\ncontext = multiprocessing.get_context(\"" + method + R"(")
def start_and_join():
    process = context.Process(target=abs, args=(0,))
    process.start()
    process.join()
start_and_join()
)", "start_and_join()");
}

std::vector<Contender> with_python(std::vector<Contender> contenders, const char* name, const char* method) {
  if (has_python()) contenders.push_back(peer(name, [=] { return processes_of_python(method); }));
  return contenders;
}

const char same_program[] = "posix_spawn of this program";
const char fork_and_wake[] = "fork and a wake";
const char small_parent[] = "small parent";

const Add spawn{{.name = "process.spawn",
                 .says = "start and join a process by spawn",
                 .place = Place::free,
                 .contenders = with_python({limit(same_program, [] { return Figures{per_call(posix_spawn_and_wait), {}}; }),
                                            ours("spawn", [] { return processes("spawn"); })},
                                           "CPython's spawn", "spawn"),
                 .targets = {{same_program, 1.25, 1.1}}}};

const Add forkserver{{.name = "process.forkserver",
                      .says = "start and join a process by forkserver",
                      .place = Place::free,
                      .contenders = with_python({limit(fork_and_wake, [] { return Figures{per_call(fork_wake_and_wait), {}}; }),
                                                 ours("forkserver", [] { return processes("forkserver"); })},
                                                "CPython's forkserver", "forkserver"),
                      .targets = {{fork_and_wake, 2.0, 1.5}}}};

/// What starts a process without its parent's memory takes as long in a large parent as in a small one.
void add_large_parent(const char* method, std::size_t gib) {
  Case one{.name = "process." + std::string(method) + '_' + std::to_string(gib) + "gib_parent",
           .says = "the same in a parent with " + std::to_string(gib) + " GiB of its own",
           .place = Place::free,
           .contenders = {limit(small_parent, [=] { return processes(method); }),
                          ours(method, [=] { return processes(method, gib); }),
                          peer("fork", [=] { return processes("fork", gib); })},
           .targets = {{small_parent, 1.1, {}}}};
  cases().push_back(std::move(one));
}

[[maybe_unused]] const bool large_parents_added = [] {
  for (const char* const method : {"spawn", "forkserver"}) {
    for (const std::size_t gib : {std::size_t{1}, std::size_t{4}}) add_large_parent(method, gib);
  }
  return true;
}();

}  // namespace
}  // namespace benchmark
