// expect: pickle: T cannot be sent: describe its members
#include <multiprocessing/pickle.hpp>

namespace mp = multiprocessing;

class Secret {
 public:
  explicit Secret(int number) : number_(number) {}
  int number() const { return number_; }

 private:
  int number_;
};

void wrong(const Secret& secret) { mp::pickle::dumps(secret); }
