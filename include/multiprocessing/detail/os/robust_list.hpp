// SPDX-License-Identifier: BSL-1.0
/// \file
/// RobustList: what the kernel does for a thread that dies, through the list that glibc registers with it.
#pragma once

#include <multiprocessing/detail/os/futex.hpp>
#include <multiprocessing/errors.hpp>

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace multiprocessing::detail {

inline std::uint32_t this_thread_id() noexcept { return static_cast<std::uint32_t>(::syscall(SYS_gettid)); }
inline bool is_main_thread() noexcept { return static_cast<std::uint32_t>(::getpid()) == this_thread_id(); }

/// Where glibc keeps a thread's id and robust list, measured from pthread_self(); learnt once from a healthy thread.
///
/// A child made by the bare clone system call has no list, and glibc takes it for its parent. Then its robust mutexes
/// would name the parent as owner and no death would ever be seen; with these two figures the child is put right.
struct ThreadLayout {
  std::ptrdiff_t list = 0;     // of the list's head; 0: not learnt
  std::ptrdiff_t id = 0;       // of the thread's id; 0: glibc keeps it elsewhere than we know
};

/// The list of robust futexes of the calling thread, as the kernel will walk it when the thread dies.
class RobustList {
 public:
  RobustList() = default;

  /// The calling thread's own. `layout` says where it lies if the kernel has none; throws RuntimeError when that is unknown.
  static RobustList of_this_thread(const ThreadLayout& layout) {
    RobustList list;
    std::size_t size = 0;
    if (::syscall(SYS_get_robust_list, 0, &list.head_, &size) != 0) list.head_ = nullptr;
    if (list.head_ == nullptr) list.head_ = registered_again(layout);
    known_ = list.head_;
    return list;
  }
  /// The same for one that may not have asked for it; false then, and nothing is named.
  static RobustList known() noexcept {
    RobustList list;
    list.head_ = known_;
    return list;
  }

  static ThreadLayout layout_of_this_thread() noexcept {
    robust_list_head* head = nullptr;
    std::size_t size = 0;
    ThreadLayout layout;
    if (::syscall(SYS_get_robust_list, 0, &head, &size) != 0 || head == nullptr) return layout;
    layout.list = reinterpret_cast<const char*>(head) - self();
    // glibc: tid, an unused int, the previous list entry, then the head.
    const std::ptrdiff_t id = layout.list - 16;
    if (*reinterpret_cast<const std::uint32_t*>(self() + id) == this_thread_id()) layout.id = id;
    return layout;
  }

  explicit operator bool() const noexcept { return head_ != nullptr; }

  /// Names `word` as the one whose wake-up the kernel passes on if this thread dies: when the low 30 bits of `word` are
  /// zero at that moment, it wakes one sleeper. nullptr names none. One plain store.
  void pending(const FutexWord* word) const noexcept {
    const void* address = word == nullptr ? nullptr : reinterpret_cast<const char*>(word) - head_->futex_offset;
    // Only the compiler could reorder these: the kernel looks after this thread's last instruction, on its stores in order.
    robust_list* volatile& slot = head_->list_op_pending;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    slot = static_cast<robust_list*>(const_cast<void*>(address));
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  /// The word that is named; nullptr for none.
  const FutexWord* named() const noexcept {
    robust_list* volatile& slot = head_->list_op_pending;
    const void* address = slot;
    if (address == nullptr) return nullptr;
    return reinterpret_cast<const FutexWord*>(static_cast<const char*>(address) + head_->futex_offset);
  }
  /// Does now what the kernel would do for the word that is named: before another is named for long, or glibc forgets it.
  void pay() const noexcept {
    if (const FutexWord* word = named()) futex_wake(*word, 1);
  }

 private:
  static const char* self() noexcept { return reinterpret_cast<const char*>(::pthread_self()); }

  // What glibc's fork does for a child, for one that it did not make: its own id, an empty list, the list registered.
  static robust_list_head* registered_again(const ThreadLayout& layout) {
    if (layout.list == 0 || layout.id == 0)
      throw RuntimeError(
          "this process was made by a bare clone system call, which glibc does not know of, so its death could not be "
          "seen; make it by fork(), _Fork() or mp::Process, or use the library once before the clone");
    char* self = reinterpret_cast<char*>(::pthread_self());
    auto* head = reinterpret_cast<robust_list_head*>(self + layout.list);
    *reinterpret_cast<std::uint32_t*>(self + layout.id) = this_thread_id();
    reinterpret_cast<void**>(head)[-1] = &head->list;  // the previous entry
    head->list.next = &head->list;
    head->list_op_pending = nullptr;
    ::syscall(SYS_set_robust_list, head, sizeof *head);
    return head;
  }

  static inline thread_local constinit robust_list_head* known_ = nullptr;

  robust_list_head* head_ = nullptr;
};

}  // namespace multiprocessing::detail
