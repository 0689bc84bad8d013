// SPDX-License-Identifier: BSL-1.0
// What check_large_types.sh compiles: types of a MiB and more, wherever members are listed.
#include <multiprocessing.hpp>

#include <array>
#include <utility>

namespace mp = multiprocessing;

struct Large {
  std::array<char, 1 << 20> bytes;
};
struct Row {
  int number;
  std::array<char, 32768> bytes;
};
struct Nested {
  int number;
  Large large;
  std::pair<Row, Large> pair;
  std::array<Row, 4> rows;
};
struct LargeArray {
  char bytes[1 << 20];
};

static_assert(mp::shareable<Nested> && !mp::shareable<LargeArray>);

void values(const Nested& nested) {
  mp::Value<Large> value;
  mp::Array<Row> rows(2);
  mp::print(nested);
  static_cast<void>(mp::pickle::loads<Nested>(mp::pickle::dumps(nested)));
}
