// expect: v.value = x
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

void wrong(mp::Value<double> v) { v = 3.14; }
