// expect: pickle: a pointer means nothing in another process
#include <multiprocessing/pickle.hpp>

namespace mp = multiprocessing;

void wrong(int* number) { mp::pickle::dumps(number); }
