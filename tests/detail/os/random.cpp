// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/random.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>

TEST_CASE("random_bytes: so many as asked, and never the same", "[os][random]") {
  using multiprocessing::detail::random_bytes;
  CHECK(random_bytes(0).empty());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_bytes(32));
  CHECK(seen.size() == 100);
  CHECK(seen.begin()->size() == 32);
  CHECK(random_bytes(100'000).size() == 100'000);  // more than getrandom gives at once when it is interrupted
}
