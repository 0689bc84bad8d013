// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/runtime/report.hpp>

#include "support/catch.hpp"

#include <stdexcept>
#include <string>

namespace {

template <class Thrown>
std::string described(const Thrown& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return multiprocessing::detail::describe_current_exception();
  }
}

struct Odd {};

}  // namespace

TEST_CASE("report: an exception is described by type and text, whatever it is", "[runtime][report]") {
  CHECK(described(std::range_error("far")) == "std::range_error: far");
  CHECK(described(3.5) == "double");
  CHECK(described("text") == "char const*: text");
  CHECK_THAT(described(std::string("text")), Catch::EndsWith(": text"));
  CHECK(described(Odd{}) == "(anonymous namespace)::Odd");
}
