// expect: no matching
#include <multiprocessing/sharedctypes.hpp>
#include <utility>

namespace mp = multiprocessing;

void wrong(mp::Value<double> v) { [[maybe_unused]] auto pair = std::make_pair(v.value, 1); }
