// SPDX-License-Identifier: BSL-1.0
// An object of a class of your own: what a process changes is its copy.
//
// Python:
//   from multiprocessing import Process
//
//   class MyAwesomeClass:
//       def __init__(self):
//           self.x = 100
//       def __str__(self):
//           return str(self.x)
//       def change(self):
//           self.x = 200
//
//   def changer(obj):
//       obj.x = 500
//       print("Hello! ", obj)
//       obj.change()
//       print("Hello! ", obj)
//       obj.x += 1
//       print("Hello! ", obj)
//
//   if __name__ == "__main__":
//       mac = MyAwesomeClass()
//       p = Process(target=changer, args=(mac,))
//       p.start()
//       p.join()
//       print("Here I am: ", mac)
#include <multiprocessing.hpp>

#include <ostream>

namespace mp = multiprocessing;

struct MyAwesomeClass {
  int x = 100;

  void change() { x = 200; }

  friend std::ostream& operator<<(std::ostream& out, const MyAwesomeClass& object) { return out << object.x; }
};

void changer(MyAwesomeClass obj) {
  obj.x = 500;
  mp::print("Hello! ", obj);
  obj.change();
  mp::print("Hello! ", obj);
  obj.x += 1;
  mp::print("Hello! ", obj);
}

int main() {
  MyAwesomeClass mac;
  mp::Process p(changer, mac);
  p.start();
  p.join();
  mp::print("Here I am: ", mac);
}
