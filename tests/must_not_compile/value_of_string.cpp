// expect: Value<T>: T is copied as bytes between processes
#include <multiprocessing/sharedctypes.hpp>
#include <string>

namespace mp = multiprocessing;

void wrong() { mp::Value<std::string> text(std::string("x")); }
