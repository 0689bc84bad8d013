// expect: pickle: T has a C array or a base class
#include <multiprocessing/pickle.hpp>

namespace mp = multiprocessing;

struct Samples {
  int numbers[3];
};

void wrong(const Samples& samples) { mp::pickle::dumps(samples); }
