// expect: compare with 0 or nullopt
#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

bool wrong(const mp::Process& p) {
  if (p.exitcode()) return true;
  return false;
}
