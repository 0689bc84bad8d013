// SPDX-License-Identifier: BSL-1.0
#include "support/child.hpp"

#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

TEST_CASE("in_child: the exit status says how the child ended", "[support]") {
  CHECK(in_child([] {}) == 0);
  CHECK(in_child([] { return 7; }) == 7);
  CHECK(in_child([] { return true; }) == 0);
  CHECK(in_child([] { return false; }) == 1);
  CHECK(in_child([] { throw std::runtime_error("on purpose"); }) == threw);
  CHECK(in_child([] { ::raise(SIGKILL); }) == 128 + SIGKILL);
}

TEST_CASE("in_child: a child that hangs is ended", "[support]") {
  CHECK(in_child([] { ::pause(); }, std::chrono::seconds(1)) == 128 + SIGALRM);
}

TEST_CASE("wait_until: gives up at its limit", "[support]") {
  CHECK(wait_until([] { return true; }));
  CHECK_FALSE(wait_until([] { return false; }, std::chrono::milliseconds(5)));
}

TEST_CASE("the listener lets the arena stay", "[support]") {
  const int fd = ::memfd_create("multiprocessing", MFD_CLOEXEC);
  REQUIRE(::ftruncate(fd, 4096) == 0);
  CHECK(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
}

// Each of these passes, and must be failed by the listener: CMakeLists.txt runs them one by one.

TEST_CASE("leaves a descriptor", "[.leak]") { CHECK(::open("/dev/null", O_RDONLY | O_CLOEXEC) != -1); }

TEST_CASE("leaves a mapping", "[.leak]") {
  CHECK(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

TEST_CASE("leaves a name", "[.leak]") {
  // Of this process alone, and gone with it: one that an interrupted run left would be there before this test and hide it.
  static const std::string name = "/multiprocessing_self_test_" + std::to_string(::getpid());
  const int fd = ::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  CHECK(fd != -1);
  ::close(fd);
  std::atexit([] { ::shm_unlink(name.c_str()); });
}

TEST_CASE("leaves a running child", "[.leak]") {
  CHECK(start_child([] { ::pause(); }, std::chrono::seconds(2)) > 0);
}

TEST_CASE("leaves a zombie", "[.leak]") {
  start_child([] {});
  CHECK(wait_until([] {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid != 0;
  }));
}

TEST_CASE("hangs", "[.leak]") {
  ::alarm(1);  // sooner than the listener's own, which does the same
  for (;;) ::pause();
}
