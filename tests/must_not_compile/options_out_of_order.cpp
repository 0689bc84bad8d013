// expect: order
// The compilers' own words: the order of designators is the language's. clang only warns, unless told -Werror.
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

void target() {}

void wrong() { mp::Process p({.daemon = true, .name = "worker"}, target); }
