// expect: can't have this target: let a lambda capture nothing
#include <multiprocessing/context.hpp>

namespace mp = multiprocessing;

void wrong() {
  int number = 1;
  auto p = mp::SpawnContext().Process([number] { return number; });
}
