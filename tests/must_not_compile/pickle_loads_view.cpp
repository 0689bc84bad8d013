// expect: loads: T refers to memory that would be gone
#include <multiprocessing/pickle.hpp>

#include <string_view>

namespace mp = multiprocessing;

void wrong(const mp::bytes& message) { static_cast<void>(mp::pickle::loads<std::string_view>(message)); }
