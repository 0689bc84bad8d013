// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/runtime/finalizers.hpp>

#include "support/catch.hpp"

#include <limits>
#include <memory>
#include <vector>

using multiprocessing::detail::Finalizers;

TEST_CASE("Finalizers: keys come by priority and then youngest first", "[runtime][finalizers]") {
  Finalizers finalizers;
  const auto a = finalizers.add(0, [] {});
  const auto b = finalizers.add(5, [] {});
  const auto c = finalizers.add(0, [] {});
  const auto d = finalizers.add(-1, [] {});
  CHECK(finalizers.keys(0) == std::vector{b, c, a});
  CHECK(finalizers.keys(std::numeric_limits<int>::min()) == std::vector{b, c, a, d});
  CHECK(finalizers.take(c));
  CHECK_FALSE(finalizers.take(c));
  CHECK_FALSE(finalizers.contains(c));
  CHECK(finalizers.contains(a));
}

TEST_CASE("Finalizers: what is abandoned is neither called nor destroyed", "[runtime][finalizers]") {
  const auto owned = std::make_shared<int>(1);
  Finalizers finalizers;
  const auto key = finalizers.add(0, [owned] {});
  finalizers.abandon();
  CHECK_FALSE(finalizers.contains(key));
  CHECK(owned.use_count() == 2);
}
