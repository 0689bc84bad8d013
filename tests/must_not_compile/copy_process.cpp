// expect: a Process is one process
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void wrong(mp::Process& p) { auto q = p; }
