// expect: Process: a name is an option
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target(int) {}

void wrong() { mp::Process p("worker", target, 1); }
