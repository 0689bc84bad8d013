// SPDX-License-Identifier: BSL-1.0
/// \file
/// A fork whose child is this process's sibling: its parent is the parent of this process.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/robust_list.hpp>

#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// Where the kernel enters the id of a sibling while it makes it, for the parent to read even if the one who asked for it is
/// killed in the middle. A page that two processes share, and that their forks do not inherit.
class BirthRegister {
 public:
  BirthRegister() = default;
  /// Maps the page in `file`.
  explicit BirthRegister(const Fd& file) {
    void* const at = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (at == MAP_FAILED) throw_os_error(errno, "mmap of the fork server's register");
    ::madvise(at, page, MADV_DONTFORK);  // should it fail, a page more is inherited
    pid_ = static_cast<std::atomic<std::int32_t>*>(at);
  }
  BirthRegister(BirthRegister&& other) noexcept : pid_(std::exchange(other.pid_, nullptr)) {}
  BirthRegister& operator=(BirthRegister other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~BirthRegister() {
    if (pid_ != nullptr) ::munmap(pid_, page);
  }

  static Fd make_file() {
    check_file_size(page, "the fork server's register, " + std::to_string(page) + " bytes");
    Fd file(checked("memfd_create of the fork server's register",
                    [] { return ::memfd_create("multiprocessing-start", MFD_CLOEXEC); }));
    checked("ftruncate of the fork server's register", [&] { return ::ftruncate(file.get(), page); });
    return file;
  }

  void clear() noexcept { pid_->store(0); }
  pid_t pid() const noexcept { return pid_->load(); }
  std::atomic<std::int32_t>* where() const noexcept { return pid_; }

 private:
  static constexpr std::size_t page = 4096;
  std::atomic<std::int32_t>* pid_ = nullptr;
};

/// Forks a sibling; 0 in it, else its id, or minus the error. For a process with one thread. No fork handlers are called, but
/// glibc finds in the child what it expects: the thread's id, and its list of robust mutexes.
inline pid_t fork_sibling(const BirthRegister& entry) {
  static const ThreadLayout layout = RobustList::layout_of_this_thread();
  clone_args arguments{};
  arguments.flags = CLONE_PARENT | CLONE_PARENT_SETTID;
  arguments.parent_tid = reinterpret_cast<std::uintptr_t>(entry.where());
  if (layout.id != 0) {
    arguments.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    arguments.child_tid = static_cast<std::uintptr_t>(::pthread_self()) + static_cast<std::uintptr_t>(layout.id);
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == -1) return -errno;
  if (pid == 0) RobustList::of_this_thread(layout);
  return static_cast<pid_t>(pid);
}

/// SIGINT, which a terminal sends to all, waits until this ends. Not ignored: a child would lose one that reaches it before it has
/// put that right, whereas one that waits is its own and not inherited.
class InterruptBlocked {
 public:
  InterruptBlocked() noexcept {
    sigset_t interrupt;
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &interrupt, &before_);
  }
  InterruptBlocked(const InterruptBlocked&) = delete;
  InterruptBlocked& operator=(const InterruptBlocked&) = delete;

  void end() noexcept { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace multiprocessing::detail
