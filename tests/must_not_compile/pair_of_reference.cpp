// expect: no matching
// std::pair asks whether the reference can be copied, and takes no for an answer without a look at the reason.
#include <multiprocessing/sharedctypes.hpp>
#include <utility>

namespace mp = multiprocessing;

void wrong(mp::Value<double> v) { [[maybe_unused]] auto pair = std::make_pair(v.value, 1); }
