// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace mp = multiprocessing;

TEST_CASE("Python's module sharedctypes is a namespace", "[sharedctypes]") {
  const mp::sharedctypes::RawValue<int> raw(1);
  const mp::sharedctypes::Value<int> v = mp::sharedctypes::synchronized(raw);
  const mp::sharedctypes::RawArray<int> row = mp::sharedctypes::copy(mp::sharedctypes::Array<int>{1, 2});
  CHECK(v.get() == 1);
  CHECK(row[1] == 2);
  STATIC_REQUIRE(std::is_same_v<mp::sharedctypes::Value<int>, mp::Value<int>>);
}

TEST_CASE("copy and Array live beside the standard's names", "[sharedctypes]") {
  using namespace multiprocessing;
  using namespace std;
  vector<int> numbers{1, 2}, target(2);
  copy(numbers.begin(), numbers.end(), target.begin());
  const Array<int> a(numbers);
  copy(a.begin(), a.end(), target.begin());
  CHECK(copy(a)[1] == 2);
  CHECK(target == numbers);
}
