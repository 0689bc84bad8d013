// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/core/floating.hpp>

#include "support/catch.hpp"

#include <cmath>
#include <limits>

using namespace multiprocessing::detail;

TEMPLATE_TEST_CASE("floating: what is asked of a number is answered as <cmath> does", "[core][floating]", float, double,
                   long double) {
  using Limits = std::numeric_limits<TestType>;
  for (const TestType x : {TestType(0), TestType(1.5), Limits::max(), Limits::denorm_min(), Limits::infinity(),
                           Limits::quiet_NaN()}) {
    for (const TestType signed_x : {x, -x}) {
      CHECK(is_nan(signed_x) == std::isnan(signed_x));
      CHECK(is_infinite(signed_x) == std::isinf(signed_x));
      CHECK(has_sign(signed_x) == std::signbit(signed_x));
      CHECK_FALSE(std::signbit(magnitude(signed_x)));
      if (!std::isnan(x)) CHECK(magnitude(signed_x) == x);
    }
  }
}

TEST_CASE("floating: a whole number has no fraction, and is finite", "[core][floating]") {
  for (const double x : {0.0, -0.0, 1.0, -3.0, 0x1p60, std::numeric_limits<double>::max()}) CHECK(is_whole(x));
  for (const double x : {0.5, -1.25, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::infinity(),
                         std::numeric_limits<double>::quiet_NaN()})
    CHECK_FALSE(is_whole(x));
}
