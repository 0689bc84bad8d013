// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/time.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <type_traits>

namespace mp = multiprocessing;
using mp::Timeout;
using namespace std::chrono_literals;

TEST_CASE("Timeout: absent, nullopt, true and an empty optional are for ever", "[time][timeout]") {
  CHECK(Timeout().forever());
  CHECK(Timeout(std::nullopt).forever());
  CHECK(Timeout(true).forever());
  CHECK(Timeout(std::optional<std::chrono::seconds>()).forever());
  CHECK(Timeout().duration() == std::chrono::nanoseconds::max());
  CHECK_FALSE(Timeout().zero());
}

TEST_CASE("Timeout: false, zero and less than zero try once", "[time][timeout]") {
  CHECK(Timeout(false).zero());
  CHECK(Timeout(0s).zero());
  CHECK(Timeout(-1ns).zero());
  CHECK(Timeout(std::chrono::hours::min()).zero());
  CHECK(Timeout(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())).zero());
  CHECK_FALSE(Timeout(false).forever());
}

TEST_CASE("Timeout: NaN is no time to wait", "[time][timeout]") {
  CHECK_THROWS_AS(Timeout(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())), mp::ValueError);
  CHECK_THROWS_AS(Timeout(std::chrono::duration<float, std::milli>(std::numeric_limits<float>::quiet_NaN())), mp::ValueError);
}

TEST_CASE("Timeout: a duration of any unit is kept, rounded up", "[time][timeout]") {
  CHECK(Timeout(10ms).duration() == 10ms);
  CHECK(Timeout(0.5s).duration() == 500ms);
  CHECK(Timeout(std::optional(3s)).duration() == 3s);
  CHECK(Timeout(std::chrono::duration<long double, std::nano>(0.1L)).duration() == 1ns);
  CHECK(Timeout(std::chrono::duration<std::int64_t, std::pico>(1001)).duration() == 2ns);
  CHECK(Timeout(std::chrono::duration<std::uint8_t, std::ratio<60>>(2)).duration() == 2min);
  CHECK_FALSE(Timeout(1ns).zero());
}

TEST_CASE("Timeout: what a clock cannot add saturates to for ever", "[time][timeout]") {
  CHECK(Timeout(std::chrono::hours::max()).forever());
  CHECK(Timeout(std::chrono::nanoseconds::max()).forever());
  CHECK(Timeout(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).forever());
  CHECK(Timeout(std::chrono::hours(24 * 365 * 99)).duration() == std::chrono::hours(24 * 365 * 99));
}

TEST_CASE("Timeout: a bare number is no timeout, a bool is", "[time][timeout]") {
  STATIC_REQUIRE_FALSE(std::is_constructible_v<Timeout, int>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<Timeout, double>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<Timeout, unsigned char>);
  STATIC_REQUIRE(std::is_convertible_v<bool, Timeout>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<void*, Timeout>);
  STATIC_REQUIRE(std::is_convertible_v<std::chrono::minutes, Timeout>);
  STATIC_REQUIRE(std::is_convertible_v<std::nullopt_t, Timeout>);
}

TEST_CASE("Timeout: is a constant expression", "[time][timeout]") {
  STATIC_REQUIRE(Timeout(5ms).duration() == 5ms);
  STATIC_REQUIRE(Timeout().forever());
}

TEST_CASE("Deadline: for ever never passes", "[time][deadline]") {
  const mp::detail::Deadline never{Timeout()};
  CHECK(never.forever());
  CHECK_FALSE(never.passed());
  CHECK(never.left() == std::chrono::nanoseconds::max());
}

TEST_CASE("Deadline: zero has passed at once, and nothing is left", "[time][deadline]") {
  const mp::detail::Deadline now{Timeout(false)};
  CHECK(now.passed());
  CHECK(now.left() == 0ns);
  CHECK_FALSE(now.forever());
}

TEST_CASE("Deadline: what is left never exceeds the timeout", "[time][deadline]") {
  const mp::detail::Deadline hour{Timeout(1h)};
  CHECK_FALSE(hour.passed());
  CHECK(hour.left() <= 1h);
  CHECK(hour.left() > 0ns);
}

TEST_CASE("Deadline: at_most is the earlier of two moments", "[time][deadline]") {
  using clock = mp::detail::Deadline::clock;
  const auto before = clock::now();
  const mp::detail::Deadline hour{Timeout(1h)};
  CHECK(hour.at_most(1s) < before + 30min);
  CHECK(hour.at_most(1s) >= before + 1s);
  CHECK(hour.at_most(5h) <= clock::now() + 1h);
  CHECK(mp::detail::Deadline{Timeout()}.at_most(1s) >= before + 1s);
}

TEST_CASE("Deadline: a century from now does not overflow", "[time][deadline]") {
  const mp::detail::Deadline far{Timeout(std::chrono::hours(24 * 36524))};
  CHECK_FALSE(far.passed());
  CHECK(far.left() > std::chrono::hours(24 * 36523));
}
