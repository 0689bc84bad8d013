// expect: auto x = a.at(i)
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/text.hpp>

namespace mp = multiprocessing;

void wrong(mp::Array<int> a) {
  auto x = a[0];
  mp::print(x);
}
