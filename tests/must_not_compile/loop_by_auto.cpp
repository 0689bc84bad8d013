// expect: for (auto&& n : a)
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

void wrong(mp::Array<int> a) {
  for (auto n : a) (void)n;
}
