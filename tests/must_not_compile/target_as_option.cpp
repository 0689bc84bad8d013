// expect: target
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target() {}

void wrong() { mp::Process p({.target = target, .name = "worker"}); }
