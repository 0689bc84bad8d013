// expect: no matching function
#include <multiprocessing/sharedctypes.hpp>
#include <algorithm>

namespace mp = multiprocessing;

double wrong(mp::Value<double> v) { return std::max(v.value, 3.0); }
