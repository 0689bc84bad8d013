// expect: ambiguous
#include <multiprocessing/object.hpp>

#include <list>

using namespace std;
using namespace multiprocessing;

list<int> wrong;
