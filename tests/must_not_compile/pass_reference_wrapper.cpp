// expect: std::ref has no meaning here
#include <multiprocessing/process.hpp>
#include <functional>
#include <vector>

namespace mp = multiprocessing;

void append(std::vector<int>& numbers) { numbers.push_back(1); }

void wrong() {
  std::vector<int> numbers;
  mp::Process p(append, std::ref(numbers));
}
