// SPDX-License-Identifier: BSL-1.0
// What a process gets is a copy: the list that it changes is its own.
//
// Python:
//   from multiprocessing import Process
//
//   def demo_function(target, elem, comment):
//       target.append(elem)
//       print(comment, "Inside demoFunction: ", target)
//
//   if __name__ == "__main__":
//       my_list = [1, 2, 3]
//       demo_function(my_list, 4, "Plain.")
//       print('After "demoFunction" without multiprocessing', my_list)
//       p = Process(target=demo_function, args=(my_list, 5, "Multiprocessing."))
//       p.start()
//       p.join()
//       print('After "demoFunction" with multiprocessing', my_list)
#include <multiprocessing.hpp>

#include <string_view>
#include <vector>

namespace mp = multiprocessing;

void demo_function(std::vector<int>& target, int elem, std::string_view comment) {
  target.push_back(elem);
  mp::print(comment, "Inside demoFunction: ", target);
}

int main() {
  std::vector my_list{1, 2, 3};
  demo_function(my_list, 4, "Plain.");
  mp::print("After \"demoFunction\" without multiprocessing", my_list);

  mp::Process p(demo_function, my_list, 5, "Multiprocessing.");
  p.start();
  p.join();
  mp::print("After \"demoFunction\" with multiprocessing", my_list);
}
