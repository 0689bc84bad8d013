// expect: is the target overloaded, or a {list} given? write [](int x) {
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target(int) {}
void target(double) {}

void wrong() { mp::Process p(target, 1); }
