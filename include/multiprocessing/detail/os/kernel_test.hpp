// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the library assumes of glibc and of the kernel, asked of both before anything is built on it.
#pragma once

#include <multiprocessing/detail/os/robust_list.hpp>
#include <multiprocessing/detail/os/robust_mutex.hpp>

#include <sched.h>
#include <sys/wait.h>

#include <memory>

// glibc's clone() by its other name, which the thread sanitizer does not know: after a child in the same memory it would take
// no notice any more of what the calling thread does to synchronise.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...) noexcept;

namespace multiprocessing::detail {

namespace os {

// A robust list of one futex, and the thread that dies holding it.
struct DyingThread {
  robust_list_head head{};
  robust_list node{};
  std::atomic<std::uint32_t> word{0};  // where the kernel looks: `node` plus futex_offset

  static int run(void* argument) noexcept {
    auto* self = static_cast<DyingThread*>(argument);
    self->head.list.next = &self->node;
    self->head.futex_offset = reinterpret_cast<char*>(&self->word) - reinterpret_cast<char*>(&self->node);
    self->head.list_op_pending = nullptr;
    self->node.next = &self->head.list;
    self->word.store(this_thread_id() | FUTEX_WAITERS, std::memory_order_relaxed);
    ::syscall(SYS_set_robust_list, &self->head, sizeof self->head);
    return 0;
  }
};

}  // namespace os

/// Whether the kernel marks the robust futex of a thread that ends. Asks it with a child that shares this memory, as
/// vfork's does: no page table is copied, no thread is made in the user's program, and no SIGCHLD is sent.
inline bool kernel_marks_the_dead() {
  os::DyingThread thread;
  constexpr std::size_t stack_bytes = 16384;  // not on this thread's own stack, which may be as small
  const auto stack = std::make_unique<char[]>(stack_bytes);
  const int child = ::__clone(&os::DyingThread::run, stack.get() + stack_bytes, CLONE_VM | CLONE_VFORK, &thread);
  if (child == -1) return true;  // no process to be had: not the moment to judge, and the tick bounds what may be lost
  int status = 0;
  while (::waitpid(child, &status, static_cast<int>(__WCLONE)) == -1 && errno == EINTR) {
  }
  return thread.word.load(std::memory_order_relaxed) == (FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

/// Whether a robust pthread mutex has its word first and is found by the kernel there, as RobustMutex::word() says.
inline bool glibc_lays_mutexes_out_as_known() {
  RobustMutex mutex;
  mutex.init();
  mutex.lock();
  const bool first = mutex.word().load(std::memory_order_relaxed) == this_thread_id();
  robust_list_head* head = nullptr;
  std::size_t size = 0;
  ::syscall(SYS_get_robust_list, 0, &head, &size);
  // glibc sets the lowest bit of an entry for priority inheritance only; ours has none.
  const bool found = head != nullptr &&
                     reinterpret_cast<const char*>(head->list.next) + head->futex_offset ==
                         reinterpret_cast<const char*>(&mutex.word());
  mutex.unlock();
  return first && found;
}

/// Throws RuntimeError, with what is missing, where no death could be seen on this machine. Called once a family of
/// processes, before its arena. What has a fallback is not asked here: futex_waitv at the first sleep (then: wait on one word and look
/// every 10 ms), the wake-up passed on at death (before Linux 5.5: the tick of 150 ms), MADV_POPULATE_WRITE at the first
/// allocation (then: memory at first touch). MADV_WIPEONFORK (Linux 4.14) has none; making the arena fails without it.
inline void test_kernel_and_libc() {
  if (!glibc_lays_mutexes_out_as_known())
    throw RuntimeError(
        "the arena can't be used: this C library lays out robust mutexes unlike glibc 2.36, "
        "so the death of a lock's holder could not be seen");
  if (!kernel_marks_the_dead())
    throw RuntimeError(
        "the arena can't be used: this kernel does not mark the robust futexes of a thread that ends "
        "(set_robust_list is missing or refused, by a seccomp filter for instance)");
}

}  // namespace multiprocessing::detail
