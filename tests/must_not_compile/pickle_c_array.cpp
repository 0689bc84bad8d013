// expect: pickle: T has a C array, a base class or over 100 members
#include <multiprocessing/pickle.hpp>

namespace mp = multiprocessing;

struct Samples {
  int numbers[3];
};

void wrong(const Samples& samples) { mp::pickle::dumps(samples); }
