// SPDX-License-Identifier: BSL-1.0
/// \file
/// Runtime: what one process knows about itself, and what fork resets.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/lasting_fd.hpp>
#include <multiprocessing/detail/os/lifeline.hpp>
#include <multiprocessing/detail/os/random.hpp>
#include <multiprocessing/detail/runtime/finalizers.hpp>
#include <multiprocessing/detail/runtime/process_record.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The state of this process. Use it through RuntimeAccess.
///
/// Where two copies of the library are loaded there are two: each knows, joins and protects the children that were
/// started through it. A child started through one is to the other a plain fork: it has no children and finalizers
/// there, and the name of its parent.
struct Runtime {
  Runtime();

  pid_t pid = 0;  // the process that all this is about
  std::shared_ptr<ProcessRecord> self;
  std::shared_ptr<ProcessRecord> parent;  // null in the main process
  LastingFd parent_end;                   // readable when the parent has ended
  std::vector<std::shared_ptr<ProcessRecord>> children;  // started here, status not collected yet
  int processes_made = 0;                 // Process objects, started or not: their numbers
  Lifeline lifeline;                      // for the children of this process
  LastingFd fork_server;                  // what its fork server listens to; empty while there is none
  Finalizers finalizers;
  bool exit_hooked = false;               // run_exit_function will be called
  bool exiting = false;
  bool warned_of_threads = false;

  /// Makes this the state of a process that was forked from the one it was about.
  void begin_anew() noexcept;
};

/// The way to the Runtime, which is made at its first use. This much is there before main, so that no thread can fork
/// while another is making it, and so it is compiled with every unit: hence so little.
struct RuntimeGate {
  std::mutex mutex;            // never held while code of the user runs, since that may fork
  Runtime* runtime = nullptr;  // never destroyed: threads and exit handlers use it to the very end
  void (*begin_anew)(Runtime&) noexcept = nullptr;  // set with it; called by name, it would be compiled here

  void hook_forks();
};
inline constinit RuntimeGate runtime_gate;

inline void RuntimeGate::hook_forks() {
  call_around_forks([] { runtime_gate.mutex.lock(); }, [] { runtime_gate.mutex.unlock(); },
                    [] {
                      if (runtime_gate.runtime != nullptr) runtime_gate.begin_anew(*runtime_gate.runtime);
                      runtime_gate.mutex.unlock();
                    });
}
inline const bool runtime_hooked_early = (runtime_gate.hook_forks(), true);

/// Exclusive use of the Runtime; notices a fork that no handler saw (_Fork, clone).
class RuntimeAccess {
 public:
  RuntimeAccess() : guard_(runtime_gate.mutex) {
    if (runtime_gate.runtime == nullptr) make();
    if (runtime_gate.runtime->pid != current_pid()) runtime_gate.runtime->begin_anew();
  }
  Runtime* operator->() const { return runtime_gate.runtime; }

 private:
  static void make() {
    runtime_gate.begin_anew = [](Runtime& runtime) noexcept { runtime.begin_anew(); };
    runtime_gate.runtime = new Runtime();
  }

  std::lock_guard<std::mutex> guard_;
};

inline Runtime::Runtime() : pid(current_pid()), self(std::make_shared<ProcessRecord>()) {
  self->name = "MainProcess";  // a main process has no parent either, and both stay so in a child by plain fork
  self->progress = ProcessRecord::Progress::started;
}

inline void Runtime::begin_anew() noexcept {
  pid = current_pid();
  std::vector<int> unused;
  lifeline.abandon(unused);
  if (Fd socket = fork_server.take()) unused.push_back(socket.release());
  for (const auto& each : children) each->child->abandon(unused);
  children.clear();
  close_all(unused);
  finalizers.abandon();
  exit_hooked = false;
  exiting = false;
  warned_of_threads = false;
}

/// The key that this process and its descendants authenticate with, drawn when it is first needed.
inline std::shared_ptr<const std::string> own_authkey() {
  const RuntimeAccess access;
  auto& key = access->self->authkey;
  if (!key) key = std::make_shared<const std::string>(random_bytes(32));
  return key;
}

inline std::string current_process_name() {
  const RuntimeAccess access;
  return record_name(*access->self);
}

}  // namespace multiprocessing::detail
