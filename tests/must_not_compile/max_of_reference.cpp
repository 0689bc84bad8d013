// expect: no matching function
// std::max deduces one type from a reference and a double: nothing of ours is asked.
#include <multiprocessing/sharedctypes.hpp>
#include <algorithm>

namespace mp = multiprocessing;

double wrong(mp::Value<double> v) { return std::max(v.value, 3.0); }
