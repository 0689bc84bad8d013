// expect: a std::atomic needs no lock, so hold it in a RawValue
#include <multiprocessing/sharedctypes.hpp>

#include <atomic>

namespace mp = multiprocessing;

void wrong(mp::Value<std::atomic<int>> v) { v.value += 1; }
