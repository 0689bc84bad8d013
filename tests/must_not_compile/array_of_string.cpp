// expect: Array<T>: T is copied as bytes between processes
#include <multiprocessing/sharedctypes.hpp>
#include <string>

namespace mp = multiprocessing;

void wrong() { mp::Array<std::string> texts(3); }
