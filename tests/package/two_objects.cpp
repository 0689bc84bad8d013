// SPDX-License-Identifier: BSL-1.0
// Two shared objects, each with a hidden copy of the library, on one Lock and one RLock: one arena, one identity of a
// thread.
#include "objects.hpp"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace {

template <class Function>
Function* load(const char* path, const char* name) {
  void* object = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* symbol = object != nullptr ? ::dlsym(object, name) : nullptr;
  if (symbol == nullptr) {
    std::fprintf(stderr, "%s\n", ::dlerror());
    std::exit(1);
  }
  return reinterpret_cast<Function*>(symbol);
}

int failures = 0;

void check(bool right, const char* sentence) {
  if (right) return;
  std::fprintf(stderr, "FAILED: %s\n", sentence);
  ++failures;
}

/// Runs `step` in a child, so that its thread is another than ours; a child that waits for ever is ended by its alarm.
bool in_child(Act* act, const Locks& locks, Step step) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(20);
    ::_exit(act(locks, step) ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The arenas that this process has mapped: memfds by the library's name, told apart by inode.
std::size_t arenas() {
  std::set<std::string> inodes;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string range, access, offset, device, inode, name;
    words >> range >> access >> offset >> device >> inode >> name;
    if (name.starts_with("/memfd:multiprocessing")) inodes.insert(inode);
  }
  return inodes.size();
}

}  // namespace

int main(int, char** argv) {
  Act* const first = load<Act>(argv[1], "act");
  Act* const second = load<Act>(argv[2], "act");
  const Locks locks = load<MakeLocks>(argv[1], "make_locks")();
  check(first != second, "each object has its own code");

  check(first(locks, Step::take_lock), "the first object takes the lock");
  check(!second(locks, Step::try_lock), "the second object sees it taken");
  check(!in_child(second, locks, Step::try_lock), "and so does its child");
  check(second(locks, Step::give_lock), "the second object gives back what the first took");
  check(in_child(first, locks, Step::take_lock), "a child's first object takes it");
  // The child has ended holding it, so the lock is free by its death.
  check(second(locks, Step::take_lock), "the second object gets a lock whose holder died in the first");
  check(first(locks, Step::give_lock), "and the first gives it back");

  check(first(locks, Step::take_rlock), "the first object takes the rlock");
  check(second(locks, Step::try_rlock), "the same thread takes it again through the second: one owner");
  check(second(locks, Step::give_rlock), "and gives it back once");
  check(!in_child(second, locks, Step::try_rlock), "a child is another owner");
  check(second(locks, Step::give_rlock), "the second object gives back the first's turn");
  check(in_child(first, locks, Step::take_rlock), "and then it is free");

  check(arenas() == 1, "both objects share one arena");
  return failures == 0 ? 0 : 1;
}
