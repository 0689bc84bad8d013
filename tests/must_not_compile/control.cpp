// compiles
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>
#include <multiprocessing/text.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// The right form of each wrong use beside this file.

struct Point {
  int x;
};

void append(std::vector<int>& numbers) { numbers.push_back(1); }
void take(std::unique_ptr<int>) {}
void overloaded(int) {}
void overloaded(double) {}

void values(mp::Value<double> v, mp::Value<Point> point) {
  double x = v.value;
  auto y = v.get();
  v.value = std::max<double>(v.value, x + y);
  [[maybe_unused]] auto pair = std::make_pair(v.get(), 1);
  point[&Point::x] = 3;
}

void arrays(mp::Array<int> a, std::size_t n) {
  int x = a[0];
  auto y = a.at(0);
  mp::print(x, y, a);
  for (auto&& element : a) element += 1;
  for (int element : a) (void)element;
  mp::Array<int> sized(n), listed{1, 2, 3};
}

void processes(mp::Lock lock) {
  std::vector<int> numbers;
  mp::Process p(append, numbers);
  mp::Process q({.name = "worker", .daemon = true}, take, std::make_unique<int>(1));
  mp::Process r(
      {}, [](int n) { overloaded(n); }, 1);
  p = std::move(q);
  if (p.exitcode() == 0) lock.acquire(5s);
  std::vector<mp::Process> workers;
  workers.emplace_back(mp::ProcessOptions{.name = "worker"}, append, numbers);
}

void both_namespaces() {
  using namespace multiprocessing;
  using namespace std;
  vector<int> numbers(3);
  copy(numbers.begin(), numbers.end(), numbers.begin());
  print(1);
}
