// expect: a.assign(0, a.size(), {1, 2, 3})
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

void wrong(mp::Array<int> a) { a = {1, 2, 3}; }
