// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection/pipe.hpp>

#include "support/catch.hpp"

#include <fcntl.h>

namespace mp = multiprocessing;

TEST_CASE("Pipe: both ends send and receive", "[connection][pipe]") {
  auto [a, b] = mp::Pipe();
  CHECK((a.readable() && a.writable() && b.readable() && b.writable()));
  a.send(1);
  b.send(2);
  CHECK(a.recv<int>() == 2);
  CHECK(b.recv<int>() == 1);
}

TEST_CASE("Pipe: one way, the first receives and the second sends", "[connection][pipe]") {
  mp::Pipe pipe = GENERATE(true, false) ? mp::Pipe(false) : mp::Pipe({.duplex = false});
  CHECK((pipe.first.readable() && !pipe.first.writable() && !pipe.second.readable() && pipe.second.writable()));
  pipe.second.send(1);
  CHECK(pipe.first.recv<int>() == 1);
  CHECK_FALSE(pipe.first.poll());
  CHECK_THROWS_WITH(pipe.first.send(1), contains("connection is read-only"));
  CHECK_THROWS_WITH(pipe.second.recv(), contains("connection is write-only"));
  CHECK_THROWS_WITH(pipe.second.poll(), contains("connection is write-only"));
  pipe.second.close();
  CHECK_THROWS_AS(pipe.first.recv(), mp::EOFError);
}

TEST_CASE("Pipe: programs that this one executes do not inherit it", "[connection][pipe]") {
  mp::Pipe pipe;
  CHECK((::fcntl(pipe.first.fileno(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(pipe.second.fileno(), F_GETFD) & FD_CLOEXEC) != 0);
}
