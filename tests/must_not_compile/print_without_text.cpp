// expect: has no text
#include <multiprocessing/text.hpp>

namespace mp = multiprocessing;

struct Silent {
  virtual ~Silent() = default;
};

void wrong() { mp::print(Silent()); }
