// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/lasting_fd.hpp>

#include <multiprocessing/detail/os/pipe.hpp>

#include "support/catch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

using multiprocessing::detail::Fd;
using multiprocessing::detail::LastingFd;
using multiprocessing::detail::make_pipe;
using multiprocessing::detail::PipeEnds;

TEST_CASE("LastingFd: owns its descriptor, and closes it", "[os][lasting_fd]") {
  PipeEnds ends = make_pipe();
  const int number = ends.read.get();
  {
    LastingFd first(std::move(ends.read));
    LastingFd second = std::move(first);
    CHECK(first.get() == -1);
    CHECK(second.get() == number);
    second = LastingFd(second.take());
    CHECK(second.get() == number);
  }
  CHECK(::fcntl(number, F_GETFD) == -1);
  CHECK_FALSE(LastingFd());
}

TEST_CASE("LastingFd: another file of its number is neither used nor closed", "[os][lasting_fd]") {
  PipeEnds ends = make_pipe();
  const PipeEnds others = make_pipe();
  const int number = ends.read.get();
  {
    LastingFd lasting(std::move(ends.read));
    ::close(number);
    CHECK_FALSE(lasting);
    REQUIRE(::dup2(others.read.get(), number) == number);
    CHECK(lasting.get() == -1);
    CHECK_FALSE(lasting.take());
  }
  CHECK(::fcntl(number, F_GETFD) != -1);
  ::close(number);
}

TEST_CASE("LastingFd: keeps what it is given under the number of the one that was closed, though it is the same file", "[os][lasting_fd]") {
  PipeEnds ends = make_pipe();
  const Fd same(::fcntl(ends.read.get(), F_DUPFD_CLOEXEC, 0));
  const int number = ends.read.get();
  LastingFd lasting(std::move(ends.read));
  ::close(number);
  REQUIRE(::dup2(same.get(), number) == number);
  lasting = LastingFd(Fd(number));
  CHECK(lasting.get() == number);
  CHECK(::fcntl(number, F_GETFD) != -1);
}
