// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/limits.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"
#include "support/sanitizer.hpp"

#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/fork_sibling.hpp>
#include <multiprocessing/detail/os/pipe.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/os/start_program.hpp>

#include <unistd.h>

using namespace multiprocessing::detail;
using multiprocessing::OSError;

namespace {

/// Makes this process one whose number of processes can be limited, as root's can't; only for children.
void become_limited_user() {
  constexpr uid_t nobody = 65534;
  if (::getuid() == 0) demand(::setresuid(nobody, nobody, nobody) == 0, "root can be somebody else");
}

}  // namespace

TEST_CASE("soft_limit: is what holds now, and absent when there is none", "[detail][limits]") {
  CHECK(in_child([] {
          limit(RLIMIT_FSIZE, 12345);
          demand(soft_limit(RLIMIT_FSIZE) == 12345u, "RLIMIT_FSIZE");
          limit(RLIMIT_AS, rlim_t{1} << 44);
          demand(soft_limit(RLIMIT_AS) == std::size_t{1} << 44, "RLIMIT_AS");
        }) == 0);
  rlimit now{};
  ::getrlimit(RLIMIT_FSIZE, &now);
  CHECK(soft_limit(RLIMIT_FSIZE).has_value() == (now.rlim_cur != RLIM_INFINITY));
}

TEST_CASE("limit_met: EAGAIN speaks of processes only where one was to be made", "[detail][limits]") {
  CHECK(limit_met(EAGAIN, Making::anything).empty());
  CHECK_THAT(limit_met(EAGAIN, Making::process), contains("RLIMIT_NPROC is ") && contains("pids.max"));
  CHECK(limit_met(EINVAL, Making::process).empty());
}

TEST_CASE("an error of descriptors: names RLIMIT_NOFILE, its value and what to do", "[detail][limits]") {
  CHECK(in_child([] {
          limit(RLIMIT_NOFILE, 3);
          demand_throws<OSError>([] { make_pipe(); },
                                 "pipe2 (RLIMIT_NOFILE is 3: close descriptors, or raise it by ulimit -n)");
          demand_throws<OSError>([] { make_socket_pair(false); }, "RLIMIT_NOFILE is 3");
          demand_throws<OSError>([] { make_memory_file("text"); }, "RLIMIT_NOFILE is 3");
        }) == 0);
}

TEST_CASE("an error of files open in the whole system: names fs.file-max", "[detail][limits]") {
  CHECK(in_child([] {
          refuse_system_call(SYS_pipe2, ENFILE);
          demand_throws<OSError>([] { make_pipe(); }, "fs.file-max");
        }) == 0);
}

TEST_CASE("an error of processes: names RLIMIT_NPROC, its value and the cgroup", "[detail][limits]") {
  CHECK(in_child([] {
          become_limited_user();
          limit(RLIMIT_NPROC, 0);
          demand_throws<OSError>([] { fork_process(); }, "RLIMIT_NPROC is 0");
          demand_throws<OSError>([] { fork_process(); }, "pids.max");
          demand_throws<OSError>([] { start_program("/bin/true", {"true"}, {}); }, "RLIMIT_NPROC is 0");
        }) == 0);
}

TEST_CASE("an error of memory: names RLIMIT_AS where there is one, else the system", "[detail][limits]") {
  if (sanitizer_needs_address_space) return;
  const auto no_register = [] { const BirthRegister entry{BirthRegister::make_file()}; };
  CHECK(in_child([&] {
          limit(RLIMIT_AS, 0);
          demand_throws<OSError>(no_register, "RLIMIT_AS is 0: use less memory, or raise it by ulimit -v");
        }) == 0);
  CHECK(in_child([&] {
          refuse_system_call(SYS_mmap, ENOMEM);
          demand_throws<OSError>(no_register, "vm.overcommit_memory");
        }) == 0);
}

TEST_CASE("files that a process starts with: are refused beyond RLIMIT_FSIZE, without a signal", "[detail][limits]") {
  CHECK(in_child([] {
          limit(RLIMIT_FSIZE, 4095);
          make_memory_file(std::string(4095, 'x'));
          demand_throws<OSError>([] { make_memory_file(std::string(4096, 'x')); }, "4096 bytes (RLIMIT_FSIZE is 4095");
          demand_throws<OSError>([] { BirthRegister::make_file(); }, "RLIMIT_FSIZE is 4095");
        }) == 0);
}
