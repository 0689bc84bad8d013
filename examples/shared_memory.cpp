// SPDX-License-Identifier: BSL-1.0
// A number and an array that two processes share.
//
// Python:
//   from multiprocessing import Process, Value, Array
//
//   def demo(number, numbers):
//       number.value = 3.1415927
//       for i in range(len(numbers)):
//           numbers[i] = -numbers[i]
//
//   if __name__ == "__main__":
//       number = Value("d", 0.0)
//       numbers = Array("i", range(10))
//       p = Process(target=demo, args=(number, numbers))
//       p.start()
//       p.join()
//       print(number.value)
//       print(numbers[:])
#include <multiprocessing.hpp>

namespace mp = multiprocessing;

void demo(mp::Value<double> number, mp::Array<int> numbers) {
  number.value = 3.1415927;
  for (auto&& n : numbers) n = -n;
}

int main() {
  mp::Value<double> number(0.0);
  mp::Array<int> numbers(mp::range(10));
  mp::Process p(demo, number, numbers);  // handles share, everything else is copied
  p.start();
  p.join();
  mp::print(number.value);
  mp::print(numbers.slice());
}
