// expect: RawValue<T>: T is copied as bytes between processes
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

namespace mp = multiprocessing;

void wrong() { mp::RawValue<mp::Lock> lock; }
