// expect: pass it with std::move
#include <multiprocessing/process.hpp>
#include <memory>

namespace mp = multiprocessing;

void target(std::unique_ptr<int>) {}

void wrong() {
  auto number = std::make_unique<int>(1);
  mp::Process p(target, number);
}
