// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/exit_code.hpp>

#include "support/catch.hpp"

#include <optional>
#include <sstream>
#include <string>
#include <type_traits>

using multiprocessing::ExitCode;

static_assert(!std::is_convertible_v<ExitCode, bool> && !std::is_constructible_v<bool, ExitCode>);

namespace {

std::string text(ExitCode code) {
  std::ostringstream out;
  out << code;
  return out.str();
}

}  // namespace

TEST_CASE("ExitCode: it compares with numbers and with nothing, and prints as in Python", "[process][exit_code]") {
  const ExitCode none;
  CHECK((none == std::nullopt));
  CHECK((none != 0));
  CHECK_FALSE(none.has_value());
  CHECK(none.value_or(5) == 5);
  CHECK_THROWS_AS(none.value(), std::bad_optional_access);
  CHECK(text(none) == "None");

  const ExitCode killed = -9;
  CHECK((killed == -9));
  CHECK((killed != std::nullopt));
  CHECK((killed != none));
  CHECK(*killed == -9);
  CHECK(killed.value() == -9);
  CHECK(text(killed) == "-9");
  CHECK(text(0) == "0");
}
