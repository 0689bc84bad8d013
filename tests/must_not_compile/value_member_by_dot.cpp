// expect: no member named
// C++ lets nobody overload the dot.
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

struct Point {
  int x;
};

void wrong(mp::Value<Point> v) { v.value.x = 3; }
