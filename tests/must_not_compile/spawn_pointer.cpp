// expect: an argument can't be sent to a process that is started anew
#include <multiprocessing/context.hpp>

namespace mp = multiprocessing;

void wrong() {
  int number = 1;
  auto p = mp::ForkServerContext().Process([](int* at) { *at = 2; }, &number);
}
