// expect: narrow
#include <multiprocessing/sharedctypes.hpp>
#include <cstddef>

namespace mp = multiprocessing;

void wrong(std::size_t n) { mp::Array<int> a{n}; }
