// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/pipe.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace detail = multiprocessing::detail;

TEST_CASE("make_pipe: its ends are not for other programs, and never standard streams", "[os][pipe]") {
  auto ends = detail::make_pipe();
  CHECK(::fcntl(ends.read.get(), F_GETFD) == FD_CLOEXEC);
  CHECK(::write(ends.write.get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(ends.read.get(), &byte, 1) == 1);
  CHECK(byte == 'x');

  CHECK(in_child([] {
          for (const int fd : {0, 1, 2}) ::close(fd);
          auto above = detail::make_pipe();
          return above.read.get() > 2 && above.write.get() > 2 && ::fcntl(0, F_GETFD) == -1 &&
                 ::fcntl(1, F_GETFD) == -1;
        }) == 0);
}

TEST_CASE("close_all: it closes what it is told and nothing between", "[os][pipe]") {
  std::vector<int> fds;
  for (int i = 0; i < 6; ++i) fds.push_back(::dup(STDERR_FILENO));
  const int kept = fds[3];
  std::vector<int> closed{fds[5], fds[0], fds[2], fds[1], fds[4]};
  const auto copy = closed;
  detail::close_all(closed);
  CHECK(closed.empty());
  for (const int fd : copy) CHECK(::fcntl(fd, F_GETFD) == -1);
  CHECK(::fcntl(kept, F_GETFD) != -1);
  ::close(kept);
  detail::close_all(closed);
}
