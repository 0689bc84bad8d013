// expect: pickle: a pointer to a base class does not say what to make
#include <multiprocessing/pickle.hpp>

#include <memory>

namespace mp = multiprocessing;

struct Shape {
  virtual ~Shape() = default;
};

void wrong(const std::unique_ptr<Shape>& shape) { mp::pickle::dumps(shape); }
