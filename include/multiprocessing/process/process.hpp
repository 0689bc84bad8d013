// SPDX-License-Identifier: BSL-1.0
/// \file
/// Process: a function that runs in a process of its own.
#pragma once

#include <multiprocessing/detail/os/pidfd.hpp>
#include <multiprocessing/detail/os/signals.hpp>
#include <multiprocessing/detail/process/refusal.hpp>
#include <multiprocessing/detail/runtime/bootstrap.hpp>
#include <multiprocessing/detail/runtime/children.hpp>
#include <multiprocessing/detail/runtime/process_view.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process/exit_code.hpp>
#include <multiprocessing/process/options.hpp>
#include <multiprocessing/process/start_methods.hpp>
#include <multiprocessing/process/target.hpp>
#include <multiprocessing/process/text.hpp>
#include <multiprocessing/time.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace multiprocessing {

namespace detail {

/// Whether the next Process that this thread makes stands for this process itself: it was sent here.
inline thread_local constinit bool receiving_process = false;

inline std::shared_ptr<ProcessRecord> received_record() {
  if (!std::exchange(receiving_process, false)) return nullptr;
  return RuntimeAccess()->self;
}

}  // namespace detail

/// A function that runs in a process of its own; the counterpart of Python's `multiprocessing.Process`.
///
/// The child has its own copy of target and arguments. Each is passed as an rvalue, or as an lvalue where the target
/// takes a T&. It ends with code 0 when the target returns, with SystemExit's code, or with 1 after any other
/// exception, whose type and text it prints. A class may derive from Process and override run() instead of giving a
/// target; from Spawnable, if it is to be started by any method.
///
/// An object that goes away neither waits for its child nor kills it. When the program ends normally, daemons are
/// terminated and all others joined. When it is killed, its children are killed, but those with `outlive_parent`.
///
/// Threads: join, is_alive, exitcode, sentinel and signals may be called from any thread; other members by one at a
///          time.
/// Fork:    only the process that made it may start, join, test and signal it.
/// Death:   a child that is killed is like one that ended: minus the signal is its exit code.
/// Cost:    starting and joining cost little more than fork, _exit and waitpid; nothing runs beside the program.
class Process {
 public:
  template <class Target, class... Arguments>
    requires(!std::derived_from<std::remove_cvref_t<Target>, Process> &&
             !std::same_as<std::remove_cvref_t<Target>, ProcessOptions>)
  explicit Process(Target&& target, Arguments&&... arguments)
      : Process(ProcessOptions{}, std::forward<Target>(target), std::forward<Arguments>(arguments)...) {}

  template <class Target, class... Arguments>
  explicit Process(const ProcessOptions& options, Target&& target, Arguments&&... arguments);

  // What has no type by itself arrives here, and at no other constructor. A template, so that Process() prefers its own.
  template <class = void>
  explicit Process(...) = delete;  // is the target overloaded, or a {list} given? write [](int x) { f(x); }, or its type

  Process(const Process&) = delete;  // a Process is one process: move it, or keep a pointer to it
  Process& operator=(const Process&) = delete;  // a Process is one process: move it, or keep a pointer to it
  /// What was moved from behaves as closed. A derived object moved into a Process loses its run().
  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) noexcept = default;
  virtual ~Process() = default;

  /// What the child does: calls the target.
  virtual void run();

  /// Starts the child; once. Target and arguments are destroyed here as soon as the child has them.
  /// Throws OSError when the system allows no further process; then it may be tried again.
  void start();

  /// Waits until the process has ended or `timeout` has passed; returns whether it has ended.
  bool join(Timeout timeout = std::nullopt) const;

  bool is_alive() const;

  /// Sends SIGTERM.
  void terminate() { signal(detail::terminate_signal); }
  /// Sends SIGKILL.
  void kill() { signal(detail::kill_signal); }
  /// Sends SIGINT.
  void interrupt() { signal(detail::interrupt_signal); }

  /// Gives up what the object holds. Throws ValueError while the process runs; afterwards any other use of it does.
  void close();

  /// The name, for people: it need not be unique.
  std::string name() const;
  void name(std::string name);

  /// Whether it is terminated when its parent ends; may be set until it is started.
  bool daemon() const;
  void daemon(bool daemon);

  /// The key with which this process and its descendants authenticate: its creator's, unless it was set.
  std::string authkey() const;
  void authkey(std::string key);

  ExitCode exitcode() const;

  /// The process id; nothing before start().
  std::optional<int> ident() const { return pid(); }
  std::optional<int> pid() const;

  /// A descriptor that is readable once the process has ended, for poll() and the like. It belongs to this object.
  int sentinel() const;

  /// Whether both stand for the same process.
  friend bool operator==(const Process& a, const Process& b) { return a.record_ == b.record_; }

  /// Python's text: `<Process name='Process-1' pid=71 parent=70 stopped exitcode=-SIGTERM daemon>`.
  friend std::ostream& operator<<(std::ostream& out, const Process& process) { return out << process.text(); }

 protected:
  /// For classes that override run().
  Process() : Process(ProcessOptions{}) {}
  explicit Process(const ProcessOptions& options);  // no target: write Process({...}, target, args...), or derive

  /// For Spawnable: writes the object down for a process that is started anew, where its class knows how.
  virtual void pack_object(detail::Package& package) const;
  bool has_target() const { return work_ != nullptr; }
  void pack_target(detail::Package& package) const { work_->pack(package); }
  void unpack_target_by(detail::Unpack unpack, std::string_view message) { work_ = unpack(message); }

 private:
  friend Process current_process();
  friend std::optional<Process> parent_process();
  friend std::vector<Process> active_children();

  class ChildLife;

  explicit Process(std::shared_ptr<detail::ProcessRecord> record) : record_(std::move(record)) {}

  /// Throws ValueError where the object was closed or moved from.
  detail::ProcessView look() const;
  const std::shared_ptr<detail::ProcessRecord>& record() const;
  /// The class of this object, as Python would name it.
  std::string kind() const { return typeid(*this) == typeid(Process) ? record_->kind : detail::class_name(typeid(*this)); }
  void begin_start();
  void signal(int number);
  std::string text() const { return record_ ? detail::process_text(record_, kind()) : "<Process closed>"; }

  std::shared_ptr<detail::ProcessRecord> record_;  // null when moved from
  std::unique_ptr<detail::Work> work_;             // null when started, or without a target
  detail::ChosenMethod method_;                    // without one: what the program has set by then
};

/// What the child does with this object: its own copy, or one that it made of what it was sent.
class Process::ChildLife final : public detail::Life {
 public:
  explicit ChildLife(Process& process) : process_(process) {}
  void run() override { process_.run(); }
  void release() override { process_.work_.reset(); }
  void pack(detail::Package& package) const override { process_.pack_object(package); }

 private:
  Process& process_;
};

template <class Target, class... Arguments>
Process::Process(const ProcessOptions& options, Target&& target, Arguments&&... arguments) : Process(options) {
  static_assert(!detail::is_c_string<Target> && !std::same_as<std::remove_cvref_t<Target>, std::string>,
                "Process: a name is an option: mp::Process p({.name = \"worker\"}, target, arguments...)");
  static_assert((!detail::is_reference_wrapper<std::decay_t<Arguments>> && ...),
                "Process: a process has its own memory, so std::ref has no meaning here; pass an mp::Value or "
                "mp::Array, which are shared");
  constexpr bool copyable = std::constructible_from<std::decay_t<Target>, Target> &&
                            (std::constructible_from<std::decay_t<Arguments>, Arguments> && ...);
  static_assert(copyable, "Process: the target or an argument can't be copied; pass it with std::move");
  constexpr bool callable = detail::process_target<Target, Arguments...>;
  static_assert(callable, "Process: the target can't be called with copies of these arguments");
  using Given = std::remove_cvref_t<Target>;
  if constexpr (std::is_pointer_v<Given> || std::is_member_pointer_v<Given>)
    if (target == nullptr) throw ValueError("Process: the target is a null pointer, so there is nothing to run");
  if constexpr (copyable && callable) {  // else the sentences above would drown
    work_ = std::make_unique<detail::BoundWork<std::decay_t<Target>, detail::stored_argument<Arguments>...>>(
        std::forward<Target>(target), std::forward<Arguments>(arguments)...);
  }
}

inline Process::Process(const ProcessOptions& options)  // no target: write Process({...}, target, args...), or derive
    : record_(detail::received_record()) {
  if (record_) return;  // the object is made anew in the child that it stands for
  record_ = std::make_shared<detail::ProcessRecord>();
  if (options.start_method) {
    method_ = detail::find_start_method(*options.start_method);
    record_->kind = method_.process_class;
  }
  record_->authkey = detail::own_authkey();
  if (options.name && !options.name->empty()) record_->name = options.name;
  record_->outlive_parent = options.outlive_parent.value_or(false);
  const detail::RuntimeAccess access;
  record_->daemon = options.daemon.value_or(access->self->daemon);
  record_->creator = access->pid;
  record_->identity = access->self->identity;
  record_->identity.push_back(++access->processes_made);
}

inline void Process::run() {
  if (work_) work_->run();
}

inline void Process::pack_object(detail::Package& package) const {
  if (typeid(*this) != typeid(Process))
    throw PicklingError("start: " + text() + " is of a class that derives from Process, and a process that is started anew can't "
                        "make an object of it: let the class derive from mp::Spawnable<" + kind() +
                        ">, give a Process a target instead, or use the start method 'fork'");
  work_->pack(package);
}

inline void Process::start() {
  begin_start();
  detail::reap_children();
  ChildLife life(*this);
  std::shared_ptr<detail::Child> child;
  const detail::ChosenMethod method = method_.launch != nullptr ? method_ : detail::find_start_method(detail::settled_start_method());
  const auto not_started = [this] {
    const detail::RuntimeAccess access;
    record_->progress = detail::ProcessRecord::Progress::initial;
  };
  try {
    child = method.launch(record_, life);
  } catch (const OSError& error) {
    not_started();
    detail::refuse_to_start(error, name(), method.name);
  } catch (...) {
    not_started();
    throw;
  }
  {
    const detail::RuntimeAccess access;
    record_->child = std::move(child);
    record_->progress = detail::ProcessRecord::Progress::started;
    access->children.push_back(record_);
  }
  work_.reset();
}

inline bool Process::join(Timeout timeout) const {
  const detail::Deadline deadline(timeout);
  const detail::ProcessView view = look();
  if (view.is_parent) return detail::wait_readable(view.parent_end, deadline);
  if (!view.is_ours()) throw AssertionError("join: can only join a child process, and not " + text());
  if (!view.child) throw AssertionError("join: can only join a started process; call start() of " + text() + " first");
  return view.child->wait(deadline);
}

inline bool Process::is_alive() const {
  const detail::ProcessView view = look();
  if (view.is_self) return true;
  if (view.is_parent) return !detail::wait_readable(view.parent_end, detail::Deadline(false));
  if (!view.is_ours()) throw AssertionError("is_alive: can only test a child process, and not " + text());
  return view.child && !view.child->poll();
}

inline void Process::close() {
  if (!record_) return;  // it was moved from
  const detail::ProcessView view = detail::view_of(record_);
  if (view.is_closed() || view.is_self || view.is_parent) return;
  if (view.is_starting() || (view.child && view.is_ours() && !view.child->poll())) {
    throw ValueError("close: Cannot close a process while it is still running. You should first call join() or " +
                     ("terminate(): " + text()));
  }
  const detail::RuntimeAccess access;
  record_->child.reset();
  record_->progress = detail::ProcessRecord::Progress::closed;
}

inline std::string Process::name() const {
  const auto& record = this->record();
  const detail::RuntimeAccess access;
  return detail::record_name(*record, kind());
}

inline void Process::name(std::string name) {
  const auto& record = this->record();
  const detail::RuntimeAccess access;
  record->name = std::move(name);
}

inline bool Process::daemon() const {
  const auto& record = this->record();
  const detail::RuntimeAccess access;
  return record->daemon;
}

inline void Process::daemon(bool daemon) {
  const detail::ProcessView view = look();
  if (view.child || view.is_starting())
    throw AssertionError("daemon: process has already started, so it stays what it is: " + text());
  const detail::RuntimeAccess access;
  record_->daemon = daemon;
}

inline std::string Process::authkey() const {
  const auto& record = this->record();
  detail::own_authkey();  // drawn now, if it is this process's own and nobody has needed it
  const detail::RuntimeAccess access;
  return record->authkey ? *record->authkey : std::string();
}

inline void Process::authkey(std::string key) {
  const auto& record = this->record();
  const detail::RuntimeAccess access;
  record->authkey = std::make_shared<const std::string>(std::move(key));
}

inline ExitCode Process::exitcode() const {
  const detail::ProcessView view = look();
  if (!view.child || !view.is_ours()) return std::nullopt;
  return view.child->poll();
}

inline std::optional<int> Process::pid() const {
  const detail::ProcessView view = look();
  if (view.is_self) return detail::current_pid();
  if (view.child) return view.child->pid();
  if (view.pid != 0) return view.pid;
  return std::nullopt;
}

inline int Process::sentinel() const {
  const detail::ProcessView view = look();
  if (view.is_parent) return view.parent_end;
  if (!view.child) throw ValueError("sentinel: process not started: " + text());
  if (!view.is_ours()) throw AssertionError("sentinel: only the process that started it can wait for " + text());
  if (view.child->sentinel() == -1)
    throw NotImplementedError("sentinel: the kernel gave no pidfd, or no descriptor was left; join " + text());
  return view.child->sentinel();
}

inline detail::ProcessView Process::look() const {
  detail::ProcessView view = detail::view_of(record());
  if (view.is_closed()) throw ValueError("process object is closed");
  return view;
}

inline const std::shared_ptr<detail::ProcessRecord>& Process::record() const {
  if (!record_) throw ValueError("process object is closed: it was moved from, use the object that it was moved to");
  return record_;
}

inline void Process::begin_start() {
  using Progress = detail::ProcessRecord::Progress;
  const auto& record = this->record();
  const detail::RuntimeAccess access;
  if (record->progress == Progress::closed) throw ValueError("start: process object is closed");
  const auto named = [&] { return "'" + detail::record_name(*record, kind()) + "'"; };
  if (record->creator != access->pid)
    throw AssertionError("start: can only start a process object created by current process, and not " + named());
  if (record->progress != Progress::initial)
    throw AssertionError("start: cannot start a process twice: make a new Process to run " + named() + " again");
  if (access->self->daemon)
    throw AssertionError("start: daemonic processes are not allowed to have children, so " + named() + " can't be one");
  if (!work_ && typeid(*this) == typeid(Process))
    throw ValueError("start: process " + named() +
                     " has neither a target nor its own run(); was an object of a derived class moved into a Process?");
  detail::hook_exit(access);
  if (typeid(*this) != typeid(Process)) record->kind = kind();
  record->progress = Progress::starting;
}

inline void Process::signal(int number) {
  const detail::ProcessView view = look();
  if (!view.child || !view.is_ours())
    throw AssertionError("sending " + detail::signal_name(number) +
                         ": can only signal a started child process, and not " + text());
  view.child->send(number);
}

}  // namespace multiprocessing
