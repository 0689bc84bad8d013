// expect: Process: target and arguments follow the options
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target() {}

void wrong() { mp::Process p({.target = target, .name = "worker"}); }
