// expect: T is the type of the value to make
#include <multiprocessing/connection.hpp>

namespace mp = multiprocessing;

void wrong(mp::Connection& connection) { connection.recv<void>(); }
