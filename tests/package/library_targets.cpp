// SPDX-License-Identifier: BSL-1.0
// A function and a lambda of a shared library as targets: of one that is linked, or with a path as first argument of one that is
// loaded at run time, which the child has to do itself. And a child that is of another build, the second argument.
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace mp = multiprocessing;

using Target = void (*)(mp::Value<int>);

#ifdef LINKED
extern "C" Target function_of_library();
extern "C" Target lambda_of_library();
Target find(const char*, const char* name) {
  return std::string(name) == "function_of_library" ? function_of_library() : lambda_of_library();
}
#else
Target find(const char* path, const char* name) {
  void* const library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* const symbol = library != nullptr ? ::dlsym(library, name) : nullptr;
  if (symbol == nullptr) {
    std::fprintf(stderr, "%s\n", ::dlerror());
    std::exit(1);
  }
  return reinterpret_cast<Target (*)()>(symbol)();
}
#endif

int failures = 0;

void check(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "wrong: %s\n", what.c_str());
  ++failures;
}

/// What a child of another build writes to its standard error.
std::string complaint_of(const char* other_build, mp::ExitCode& code) {
  const int file = ::memfd_create("stderr", MFD_CLOEXEC), before = ::dup(STDERR_FILENO);
  ::dup2(file, STDERR_FILENO);
  mp::set_executable(other_build);
  mp::Process p({.start_method = "spawn"}, [] {});
  p.start();
  p.join();
  code = p.exitcode();
  mp::set_executable(std::nullopt);
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  char text[4096];
  const auto size = ::pread(file, text, sizeof text, 0);
  ::close(file);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

int main(int argc, char** argv) {
  mp::freeze_support(argc, argv);
  if (argc != 3) return 2;
  for (const char* const name : {"function_of_library", "lambda_of_library"}) {
    const Target target = find(argv[1], name);
    for (const auto& method : mp::get_all_start_methods()) {
      const mp::Value<int> value(10);
      mp::Process p({.start_method = method}, target, value);
      p.start();
      p.join();
      check(p.exitcode() == 0 && value.get() == (std::string(name) == "function_of_library" ? 12 : 13), name + (" by " + method));
    }
  }
  mp::ExitCode code;
  const std::string complaint = complaint_of(argv[2], code);
  const auto here = mp::detail::CodeName::of(reinterpret_cast<std::uintptr_t>(&complaint_of)).build_id;
  const auto other = complaint.find(" here; start processes by the very same program");
  check(code == 1 && complaint.find("of another build") != complaint.npos && complaint.find(here + " in the parent") != complaint.npos &&
            other != complaint.npos && !here.empty(),
        "another build: " + complaint);
  return failures;
}
