// expect: Value<T>: T is copied as bytes between processes
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

struct Node {
  int number;
  Node* next;
};

void wrong() { mp::Value<Node> node(Node{1, nullptr}); }
