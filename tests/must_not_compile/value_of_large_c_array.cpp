// expect: Value<T>: T is copied as bytes between processes
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

struct Large {
  char bytes[1 << 20];
};

void wrong() { mp::Value<Large> large; }
