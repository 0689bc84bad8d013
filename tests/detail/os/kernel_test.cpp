// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/kernel_test.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

using namespace multiprocessing::detail;

namespace {

int thread_failed = 0;

}  // namespace

TEST_CASE("test_kernel_and_libc: finds here what the library needs", "[detail][kernel_test]") {
  CHECK(kernel_marks_the_dead());
  CHECK(glibc_lays_mutexes_out_as_known());
  CHECK_NOTHROW(test_kernel_and_libc());
}

TEST_CASE("test_kernel_and_libc: says what is missing when the kernel does not mark the dead",
          "[detail][kernel_test]") {
  CHECK(in_child([] {
          refuse_system_call(SYS_set_robust_list, ENOSYS);
          demand(!kernel_marks_the_dead(), "it is noticed");
          demand_throws<multiprocessing::RuntimeError>([] { test_kernel_and_libc(); },
                                                       "set_robust_list is missing or refused");
        }) == 0);
}

TEST_CASE("test_kernel_and_libc: does not judge when no process can be had", "[detail][kernel_test]") {
  CHECK(in_child([] {
          refuse_system_call(SYS_clone, EAGAIN);
          return kernel_marks_the_dead();
        }) == 0);
}

TEST_CASE("test_kernel_and_libc: needs little stack", "[detail][kernel_test]") {
  CHECK(in_child([] {
          pthread_attr_t attributes;
          ::pthread_attr_init(&attributes);
          ::pthread_attr_setstacksize(&attributes, 32 << 10);
          pthread_t thread;
          const auto run = [](void*) -> void* { return kernel_marks_the_dead() ? nullptr : &thread_failed; };
          demand(::pthread_create(&thread, &attributes, run, nullptr) == 0, "a thread of a small stack");
          void* result = nullptr;
          ::pthread_join(thread, &result);
          return result == nullptr;
        }) == 0);
}
