// compiles
#define _GLIBCXX_DEBUG  // then the library's containers and algorithms ask more of iterators
#include <multiprocessing/pickle.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/text.hpp>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace mp = multiprocessing;

void containers(mp::Array<int> a, mp::RawArray<double> raw) {
  std::vector<int> copies(a.begin(), a.end());
  const int sum = std::accumulate(a.begin(), a.end(), 0);
  std::ranges::sort(a.get_obj());
  a.assign(0, 3, mp::range(3));
  mp::print(a.slice(), raw, copies, sum, mp::range(10));
  mp::print(mp::pickle::loads<std::vector<double>>(mp::pickle::dumps(std::vector<float>{1, 2})));
  mp::print(mp::pickle::loads<std::vector<std::string>>(mp::pickle::dumps(std::vector<std::string>{"a"})));
}
