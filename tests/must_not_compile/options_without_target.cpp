// expect: protected
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void wrong() { mp::Process p({.name = "worker"}); }
