// expect: auto x = a.at(i)
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

int wrong(mp::Array<int> a) {
  auto x = a[0];
  return x;
}
