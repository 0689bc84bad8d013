// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/spawn.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mp = multiprocessing;

namespace {

/// Made anew in each start of the program; in the arena of the family, before main() has begun.
const mp::Value<int> made_before_main(7);

int starts_of_main = 0;

template <class Error, class... Arguments>
std::string refusal(Arguments&&... arguments) {
  mp::Process p({.start_method = "spawn"}, std::forward<Arguments>(arguments)...);
  try {
    p.start();
  } catch (const Error& error) {
    return error.what();
  }
  p.join();
  return "it started";
}

template <class... Arguments>
mp::ExitCode spawn(Arguments&&... arguments) {
  mp::Process p({.start_method = "spawn"}, std::forward<Arguments>(arguments)...);
  p.start();
  p.join();
  return p.exitcode();
}

struct Worker : mp::Process {
  Worker() : Process({.start_method = "spawn"}) {}
  void run() override {}
};

/// Can be pickled as a type, but not as this value.
struct Reluctant {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    if (!Archive::loading) throw mp::PicklingError("not today");
    archive(value);
  }
};

}  // namespace

TEST_CASE("Spawn: without freeze_support in main no child is started", "[process][spawn]") {
  const Outcome ran = run_program([] {
    mp::detail::main_takes_over = false;
    mp::detail::for_each_mapping_of(std::string("/memfd:") + mp::detail::main_mark,
                                    [](unsigned long long at) { ::munmap(reinterpret_cast<void*>(at), 1); });
    std::cout << refusal<mp::RuntimeError>([] {});
    mp::detail::main_takes_over = true;
    std::cout << '\n' << mp::active_children().size() << spawn([] {});
  });
  CHECK_THAT(ran.out, contains("mp::freeze_support(argc, argv)") && contains("'fork'\n00"));
}

TEST_CASE("Spawn: static initialisers run in the child as in any program, and main does not", "[process][spawn]") {
  const Outcome ran = run_program([] {
    starts_of_main = 1;
    made_before_main.value = 8;
    spawn([](mp::Value<int> parents) {
      std::cout << made_before_main.get() << parents.get() << starts_of_main;
      std::atexit([] { std::cout << " ends"; });
    }, made_before_main);
  });
  CHECK(ran.out == "780 ends");
}

TEST_CASE("Spawn: what can't be sent is refused, with its place, its type and what to do", "[process][spawn]") {
  int number = 3;
  CHECK_THAT((refusal<mp::PicklingError>([number] { return number; })),
             contains("the target, of type") && contains("lambda with captures") && contains("'fork'"));
  CHECK_THAT((refusal<mp::PicklingError>([](int, int*) {}, 1, &number)), contains("argument 2, of type int*"));
  CHECK_THAT((refusal<mp::PicklingError>([](std::vector<std::mutex*>) {}, std::vector<std::mutex*>())),
             contains("argument 1, of type std::vector<std::mutex*"));
  CHECK_THAT((refusal<mp::PicklingError>([](int, Reluctant) {}, 1, Reluctant())),
             contains("argument 2, of type") && contains("Reluctant") && contains("not today"));
  CHECK_THAT((refusal<mp::ValueError>([](mp::Barrier) {}, mp::Barrier(2, [] {}))),
             contains("argument 1, of type multiprocessing::Barrier,") && contains("Barrier with an action"));
  mp::Connection closed = mp::Pipe().first;
  closed.close();
  CHECK_THAT((refusal<mp::OSError>([](int, std::vector<mp::Connection>&) {}, 1, [&] {
               std::vector<mp::Connection> all;
               all.push_back(std::move(closed));
               return all;
             }())),
             contains("could not be started by 'spawn': argument 2, of type") && contains("handle is closed"));
  struct Local {
    int* pointer = nullptr;
    void operator()() {}
  };
  CHECK_THAT(refusal<mp::PicklingError>(Local()), contains("Local, can't be sent") && contains("it can't be pickled"));
  Worker worker;
  CHECK_THROWS_AS(worker.start(), mp::PicklingError);
  CHECK_THROWS_WITH(worker.start(), contains("derives from Process"));
}

TEST_CASE("Spawn: set_executable names another program, and its absence is told", "[process][spawn]") {
  const Outcome ran = run_program([] {
    mp::set_executable("/no/such/program");
    std::cout << refusal<mp::FileNotFoundError>([] {}) << '\n';
    mp::set_executable("/bin/false");
    std::cout << spawn([] {});
    mp::set_executable(std::filesystem::read_symlink("/proc/self/exe").string());
    std::cout << spawn([] { throw mp::SystemExit(3); });
    mp::set_executable(std::nullopt);
    std::cout << spawn([] { throw mp::SystemExit(4); });
  });
  CHECK_THAT(ran.out, contains("could not be started by 'spawn': posix_spawn of /no/such/program") &&
                          contains("mp::set_executable() names it") && contains("\n134"));
}

TEST_CASE("Spawn: a child of another build is refused with both build ids", "[process][spawn]") {
  const mp::detail::CodeName here = mp::detail::CodeName::of(reinterpret_cast<std::uintptr_t>(&mp::detail::take_over_as_child));
  CHECK(here.module.empty());
  CHECK(here.find() == reinterpret_cast<std::uintptr_t>(&mp::detail::take_over_as_child));
  mp::detail::CodeName other = here;
  other.build_id = "0123abcd";
  CHECK_THROWS_AS(other.find(), mp::RuntimeError);
  CHECK_THROWS_WITH(other.find(), contains("0123abcd") && contains(here.build_id));
  other = mp::detail::CodeName::of(reinterpret_cast<std::uintptr_t>(&::getpid));
  CHECK(other.find() == reinterpret_cast<std::uintptr_t>(&::getpid));
  other.module = "/no/such/library.so";
  CHECK_THROWS_WITH(other.find(), contains("/no/such/library.so") && contains("can't be loaded"));
}

TEST_CASE("Spawn: what a child finds broken ends it with 1, and says why", "[process][spawn]") {
  const Outcome ran = run_program([] {
    const mp::detail::Fd parcel = mp::detail::make_memory_file("short");
    const int none = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const pid_t pid = mp::detail::start_anew("/proc/self/exe", {parcel.get(), none, none});
    std::cout << exit_status(pid);
    const pid_t bare = mp::detail::start_program("/proc/self/exe", {"x", mp::detail::spawn_marker, "fds=9"}, {});
    std::cout << exit_status(bare);
  });
  CHECK(ran.out == "11");
  CHECK_THAT(ran.err, contains("could not become what its parent wanted") && contains("cut short") &&
                          contains("let nothing close descriptors before mp::freeze_support()"));
}

TEST_CASE("Spawn: a limit of the size of files is told, and does not kill", "[process][spawn]") {
  const Outcome ran = run_program([] {
    spawn([] {});  // the arena is not under that limit
    const rlimit before = [] {
      rlimit limit{};
      ::getrlimit(RLIMIT_FSIZE, &limit);
      return limit;
    }();
    rlimit low = before;
    low.rlim_cur = 100'000;
    ::setrlimit(RLIMIT_FSIZE, &low);
    std::cout << refusal<mp::OSError>([](std::vector<char>) {}, std::vector<char>(200'000)) << '\n';
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::cout << spawn([](std::vector<char> v) { throw mp::SystemExit(v.size() == 200'000 ? 3 : 4); }, std::vector<char>(200'000));
  });
  CHECK_THAT(ran.out, contains("could not be started by 'spawn': ") && contains("RLIMIT_FSIZE is 100000") && contains("\n3"));
}

TEST_CASE("Spawn: a failed start leaves the process as it was", "[process][spawn]") {
  const Outcome ran = run_program([] {
    mp::Process p({.start_method = "spawn"}, [](int n) { throw mp::SystemExit(n); }, 5);
    mp::set_executable("/no/such/program");
    try {
      p.start();
    } catch (const mp::OSError&) {
      std::cout << "failed ";
    }
    mp::set_executable(std::nullopt);
    p.start();
    p.join();
    std::cout << p.exitcode();
  });
  CHECK(ran.out == "failed 5");
}

TEST_CASE("freeze_support: arguments of the program's own are left alone", "[process][spawn]") {
  std::string name = "x", other = "--multiprocessing-fork", count = "five";
  char* arguments[] = {name.data(), other.data(), count.data(), nullptr};
  mp::freeze_support(3, arguments);
  mp::freeze_support(2, arguments);
  mp::freeze_support(0, arguments + 3);
  CHECK(mp::detail::main_takes_over);
}
