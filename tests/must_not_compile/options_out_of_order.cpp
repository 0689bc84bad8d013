// expect: order
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target() {}

void wrong() { mp::Process p({.daemon = true, .name = "worker"}, target); }
