// expect: a bare number has no unit
#include <multiprocessing/synchronize.hpp>

namespace mp = multiprocessing;

void wrong(mp::Lock lock) { lock.acquire(5); }
