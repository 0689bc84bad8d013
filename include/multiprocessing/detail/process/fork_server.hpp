// SPDX-License-Identifier: BSL-1.0
/// \file
/// ForkServer: a clean image of the program, with one thread, that forks when it is asked to.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/os/fork_sibling.hpp>
#include <multiprocessing/detail/os/lasting_fd.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/detail/os/signals.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/os/start_program.hpp>
#include <multiprocessing/detail/os/stdio.hpp>
#include <multiprocessing/detail/os/stream.hpp>
#include <multiprocessing/detail/process/preparation.hpp>
#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/process/spawning.hpp>
#include <multiprocessing/detail/process/take_over.hpp>
#include <multiprocessing/detail/runtime/report.hpp>
#include <multiprocessing/errors.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// A function that a fork server runs once, before it forks.
using Preload = void (*)();

/// What a fork server answers: the error of its fork, or 0. The child's id is in the register.
using ForkAnswer = std::int32_t;

/// In the server, the process that it has forked: becomes the child that the parcel describes.
inline void live_as_forked(std::vector<Fd> fds) {
  const std::string parcel = read_memory_file(fds.front());
  Fd lifeline = std::move(fds[1]);
  fds.erase(fds.begin(), fds.begin() + 2);
  ParcelReader reader(parcel);
  Preparation data;
  reader(data);
  if (!data.outlive_parent) die_with_parent(lifeline);
  change_working_directory(data.working_directory);
  main_takes_over = true;
  auto record = data.apply();
  SentLife life(data.unpack, reader.rest(), std::move(fds));
  live_as_child(std::move(record), std::move(lifeline), life);
}

/// The server: runs the preloads, then forks a sibling for each request until its parent hangs up.
inline void serve_forks(Inheritance& inheritance, std::string_view parcel) {
  Fd lifeline = std::move(inheritance.fds[0]);
  Fd socket = std::move(inheritance.fds[1]);
  die_with_parent(lifeline);
  BirthRegister entry(inheritance.fds[2]);
  inheritance.fds.clear();
  InterruptBlocked interrupt;
  the_arena();  // mapped once for all children
  {
    ParcelReader reader(parcel);
    std::vector<CodeName> preloads;
    reader(preloads);
    for (const CodeName& preload : preloads) {
      try {
        reinterpret_cast<Preload>(preload.find())();
      } catch (...) {
        report_current_exception("Exception in a function of set_forkserver_preload:");
      }
    }
  }
  for (;;) {
    std::vector<Fd> fds;
    std::byte request{};
    if (read_with_descriptors(socket.get(), {&request, 1}, fds, true) <= 0) exit_program(0);
    flush_standard_streams();  // else the child would have a second copy of what a preload left there
    const bool complete = fds.size() == static_cast<std::size_t>(request);  // without a free number the kernel drops them
    const pid_t pid = complete ? fork_sibling(entry) : -EMFILE;
    if (pid == 0) {
      socket.reset();
      lifeline.reset();
      interrupt.end();
      live_as_forked(std::move(fds));
    }
    const ForkAnswer answer = pid < 0 ? -pid : 0;
    write_with_descriptors(socket.get(), {reinterpret_cast<const char*>(&answer), sizeof answer}, {}, {});
  }
}

/// The fork server of this process, started when it is first used and again when it was killed. A child has none of its
/// parent's.
///
/// It is a child of this process, reached by a pair of sockets without a name, so nobody else can ask it for anything; and
/// what it forks are children of this process as well, so they are waited for as any child is.
class ForkServer {
 public:
  /// The one of this process.
  static ForkServer& of_this_process();

  /// Has a child forked that begins with these descriptors; returns its id. Throws OSError when there can be none.
  pid_t fork(const std::vector<int>& fds);
  /// Ends the server, if there is one. The next use starts another.
  void stop();
  /// Whether there is one; it may have been killed.
  bool running() {
    const std::lock_guard guard(mutex_);
    return server_ != nullptr;
  }
  pid_t pid() {
    const std::lock_guard guard(mutex_);
    return server_ == nullptr ? 0 : server_->pid();
  }

 private:
  explicit ForkServer(pid_t owner) : owner_(owner) {}

  void start();
  int forget();
  bool ask(const std::vector<int>& fds, ForkAnswer& answer) noexcept;

  static inline constinit std::atomic<ForkServer*> current_{nullptr};

  const pid_t owner_;
  std::mutex mutex_;  // held while a child is born
  std::shared_ptr<Child> server_;
  BirthRegister register_;
};

inline ForkServer& ForkServer::of_this_process() {
  ForkServer* known = current_.load();
  while (known == nullptr || known->owner_ != current_pid()) {
    // The parent's is left alone, not destroyed: a thread that this process does not have may hold its mutex.
    auto* const own = new ForkServer(current_pid());
    if (current_.compare_exchange_strong(known, own)) return *own;
    delete own;
  }
  return *known;
}

inline void ForkServer::start() {
  const std::string executable = executable_to_start();
  const int arena = descriptor_of(the_arena());
  ParcelWriter told;
  told([] {
    const RuntimeAccess access;
    return start_settings().preloads;
  }());
  SocketPair ends = make_socket_pair(false);
  const Fd register_file = BirthRegister::make_file();
  register_ = BirthRegister(register_file);
  const Fd parcel = make_memory_file(write_parcel(&serve_forks, told.view(), {}));
  Fd lifeline = RuntimeAccess()->lifeline.take();
  const pid_t pid = start_anew(executable, {parcel.get(), arena, lifeline.get(), ends.second.get(), register_file.get()});
  RuntimeAccess()->fork_server = LastingFd(std::move(ends.first));
  // It is nobody's child but ours: no list of children has it, and nothing else waits for it.
  server_ = std::make_shared<Child>(pid, open_pidfd(pid), nullptr, std::move(lifeline));
}

/// Lets the server end, if it has not; returns its exit code.
inline int ForkServer::forget() {
  RuntimeAccess()->fork_server = LastingFd();
  server_->wait(Deadline(std::nullopt));
  RuntimeAccess()->lifeline.give_back(server_->take_lifeline());
  const int code = server_->poll().value_or(unknown_exit_code);
  server_.reset();
  return code;
}

inline void ForkServer::stop() {
  const std::lock_guard guard(mutex_);
  if (server_ != nullptr) forget();
}

inline bool ForkServer::ask(const std::vector<int>& fds, ForkAnswer& answer) noexcept {
  const int socket = RuntimeAccess()->fork_server.get();
  const auto request = static_cast<char>(fds.size());
  register_.clear();
  if (write_with_descriptors(socket, {&request, 1}, {}, fds) != 1) return false;
  std::byte bytes[sizeof answer];
  if (read_stream(socket, StreamKind::unix_socket, bytes, Wait::yes) != sizeof answer) return false;
  std::memcpy(&answer, bytes, sizeof answer);
  return true;
}

inline pid_t ForkServer::fork(const std::vector<int>& fds) {
  if (fds.size() > most_descriptors)
    throw ValueError("start: too many descriptors: at most " + std::to_string(most_descriptors) + " can be sent by 'forkserver'");
  const std::lock_guard guard(mutex_);
  constexpr int attempts = 3;
  int code = 0;
  int ended = 0;
  while (ended < attempts) {
    const bool fresh = server_ == nullptr;
    if (fresh) start();
    ForkAnswer error = 0;
    const bool answered = ask(fds, error);
    if (answered && error == EMFILE)
      throw_os_error_as_is(error, "the fork server can't hold the descriptors of the new process (its RLIMIT_NOFILE is that which this "
                                  "process had when it started the server)");
    if (answered && error != 0) throw_os_error(error, "the fork server could not fork", Making::process);
    // Also where it was killed before it could answer: then the register tells whether there is a child.
    if (!answered) code = forget();
    if (const pid_t pid = register_.pid(); pid != 0) return pid;
    ++ended;
    if (fresh && code >= 0) break;  // nobody killed it: another would end likewise
  }
  throw RuntimeError("start: the fork server ended " + (ended == 1 ? "" : std::to_string(ended) + " times, at last ") +
                     (code < 0 ? "by " + signal_name(-code) : "with exit code " + std::to_string(code)) + ", before it had forked; "
                     "what it wrote on stderr may say why. Does its program call mp::freeze_support(argc, argv) first in main, and "
                     "does no function of mp::set_forkserver_preload() end it?");
}

}  // namespace multiprocessing::detail
