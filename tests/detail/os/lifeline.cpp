// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/lifeline.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <utility>
#include <vector>

using multiprocessing::detail::close_all;
using multiprocessing::detail::die_with_parent;
using multiprocessing::detail::Fd;
using multiprocessing::detail::Lifeline;

namespace {

/// What becomes of a child that holds a lifeline and whose parent lets go of it.
int fate(Lifeline& lifeline, bool armed) {
  Fd read = lifeline.take();
  const pid_t pid = start_child([&] {
    std::vector<int> unused;
    lifeline.abandon(unused);
    close_all(unused);
    if (armed) die_with_parent(read);
    ::kill(::getpid(), SIGSTOP);
    for (volatile unsigned i = 0; i < 2'000'000'000u;) i = i + 1;
  });
  int status = 0;
  ::waitpid(pid, &status, WUNTRACED);
  std::vector<int> unused;
  lifeline.abandon(unused);  // as the end of the parent would
  close_all(unused);
  if (!armed) {
    ::kill(pid, SIGUSR1);
    ::kill(pid, SIGCONT);
  }
  return exit_status(pid);
}

}  // namespace

TEST_CASE("Lifeline: the kernel kills a child, stopped or not, when the write end is gone", "[os][lifeline]") {
  Lifeline lifeline;
  CHECK(fate(lifeline, true) == 128 + SIGKILL);
  CHECK(fate(lifeline, false) == 128 + SIGUSR1);
}

TEST_CASE("Lifeline: a read end serves one child after another", "[os][lifeline]") {
  Lifeline lifeline;
  Fd read = lifeline.take();
  const int first = read.get();
  lifeline.give_back(std::move(read));
  read = lifeline.take();
  CHECK(read.get() == first);
  const Fd second = lifeline.take();
  CHECK(second.get() != first);
  lifeline.give_back(std::move(read));
  CHECK(fate(lifeline, true) == 128 + SIGKILL);
}

TEST_CASE("Lifeline: a child that comes too late is killed at once", "[os][lifeline]") {
  CHECK(in_child([] {
          Lifeline lifeline;
          const Fd read = lifeline.take();
          std::vector<int> unused;
          lifeline.abandon(unused);
          die_with_parent(read);
        }) == 128 + SIGKILL);
}

TEST_CASE("Lifeline: without /proc every child has a pipe of its own", "[os][lifeline]") {
  const int status = in_child([] {
    // Where no path can be opened any more /proc is missing, too.
    if (::chroot("/proc/self/fdinfo") != 0) return 50;
    Lifeline lifeline;
    Fd first = lifeline.take();
    const Fd second = lifeline.take();
    if (first.get() == second.get()) return 51;
    lifeline.give_back(std::move(first));
    return fate(lifeline, true) == 128 + SIGKILL ? 0 : 52;
  });
  if (status == 50) return;  // not allowed to change the root
  CHECK(status == 0);
}

TEST_CASE("Lifeline: serves on after the program closed all of it and used the numbers", "[os][lifeline]") {
  CHECK(in_child([] {
          Lifeline lifeline;
          Fd first = lifeline.take();
          const int last = first.get();
          lifeline.give_back(std::move(first));
          for (int fd = 3; fd <= last; ++fd) ::close(fd);
          while (::open("/dev/null", O_RDONLY) < last) continue;
          const bool served = fate(lifeline, true) == 128 + SIGKILL;
          if (!served || ::fcntl(last, F_GETFD) == -1) return 1;
          const Fd next = lifeline.take();
          char nothing;
          return ::read(next.get(), &nothing, 1) == -1 ? 0 : 2;  // no end: the writer is there
        }) == 0);
}
