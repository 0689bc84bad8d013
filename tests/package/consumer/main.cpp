// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing.hpp>

namespace mp = multiprocessing;

void work(mp::Value<int> value);

int main() {
  mp::Value<int> value(1);
  mp::Process p(work, value);
  p.start();
  p.join();
  return p.exitcode() == 0 && value.value == 42 ? 0 : 1;
}
