// expect: auto x = v.get()
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

void wrong(mp::Value<double> v) { [[maybe_unused]] auto x = v.value; }
