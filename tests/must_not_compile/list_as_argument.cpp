// expect: is the target overloaded, or a {list} given?
#include <multiprocessing/process.hpp>
#include <vector>

namespace mp = multiprocessing;

void target(std::vector<int>) {}

void wrong() { mp::Process p(target, {1, 2, 3}); }
