// expect: pickle: a function cannot be sent
#include <multiprocessing/pickle.hpp>

namespace mp = multiprocessing;

void wrong() {
  mp::pickle::dumps([](int number) { return number; });
}
