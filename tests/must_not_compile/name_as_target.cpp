// expect: the target can't be called with copies of these arguments
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target(int) {}

void wrong() { mp::Process p("worker", target, 1); }
