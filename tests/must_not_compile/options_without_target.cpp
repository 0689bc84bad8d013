// expect: no target: write Process({...}, target, args...), or derive
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void wrong() { mp::Process p({.name = "worker"}); }
