// expect: Value<T>: T is copied as bytes between processes
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

void wrong() { mp::Value text("abc"); }
