// expect: {n} is a list of one element: for n elements write a(n)
#include <multiprocessing/sharedctypes.hpp>
#include <cstddef>

namespace mp = multiprocessing;

void wrong(std::size_t n) { mp::RawArray<int> a{n}; }
