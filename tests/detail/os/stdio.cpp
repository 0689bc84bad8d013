// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/stdio.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <unistd.h>

#include <iostream>
#include <sstream>
#include <streambuf>

namespace detail = multiprocessing::detail;

namespace {

/// A buffer that keeps its text where nobody can look.
class Secretive : public std::streambuf {
 public:
  int synced = 0;

 protected:
  int sync() override { return ++synced, 0; }
};

}  // namespace

TEST_CASE("flush_standard_streams: a buffer of the program's own is asked, the library's only if it holds something",
          "[os][stdio]") {
  Secretive buffer;
  auto* const before = std::cout.rdbuf(&buffer);
  detail::flush_standard_streams();
  std::cout.rdbuf(before);
  CHECK(buffer.synced == 1);
  CHECK_FALSE(detail::may_hold_output(std::cout));
}

TEST_CASE("flush_standard_streams: it survives streams without a buffer, with exceptions, and with a broken pipe",
          "[os][stdio]") {
  CHECK(in_child([] {
          int ends[2];
          if (::pipe(ends) != 0) return 1;
          ::close(ends[0]);
          ::dup2(ends[1], STDOUT_FILENO);
          std::ios::sync_with_stdio(false);
          std::cout.exceptions(std::ios::badbit | std::ios::failbit);
          std::cout << "for nobody";
          std::clog.rdbuf(nullptr);
          std::printf("for nobody");
          detail::flush_standard_streams();
          return 0;
        }) == 0);
}

TEST_CASE("replace_stdin: without a descriptor stdin is closed", "[os][stdio]") {
  CHECK(in_child([] {
          detail::replace_stdin(-1);
          return ::fcntl(STDIN_FILENO, F_GETFD) == -1;
        }) == 0);
}

TEST_CASE("write_to_stderr: nobody reading is no error", "[os][stdio]") {
  CHECK(in_child([] {
          int ends[2];
          if (::pipe(ends) != 0) return 1;
          ::close(ends[0]);
          ::dup2(ends[1], STDERR_FILENO);
          detail::write_to_stderr("for nobody");
          return 0;
        }) == 0);
}
