// SPDX-License-Identifier: BSL-1.0
/// \file
/// ResourceSharer: where Pythons fetch the descriptors that this process has sent them.
#pragma once

#include <multiprocessing/detail/connection/fetch.hpp>
#include <multiprocessing/detail/connection/frame_reader.hpp>
#include <multiprocessing/detail/connection/handshake.hpp>
#include <multiprocessing/detail/connection/stranger.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/pipe.hpp>
#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/detail/os/random.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/detail/os/signals.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/os/socket_file.hpp>
#include <multiprocessing/detail/os/stream.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/util.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// One who has connected to fetch a descriptor: a stranger, and when it has proved that it knows the key, its one wish.
class Fetcher {
 public:
  using Clock = Stranger::Clock;
  enum class State { goes_on, asks, gone };

  explicit Fetcher(std::unique_ptr<Stranger> stranger)
      : stranger_(std::move(stranger)), deadline_(stranger_->deadline()) {}

  int fileno() const { return stranger_ ? stranger_->fileno() : socket_.get(); }
  Clock::time_point deadline() const { return deadline_; }

  /// Takes what has come, without waiting.
  State receive() {
    if (stranger_) {
      try {
        const auto standing = stranger_->receive();
        if (standing == Stranger::Standing::gone) return State::gone;
        if (standing == Stranger::Standing::unknown) return State::goes_on;
      } catch (const AuthenticationError&) {
        return State::gone;
      }
      socket_ = stranger_->take().socket;
      stranger_.reset();
    }
    while (!frame_.complete()) {
      const auto got = read_stream(socket_.get(), StreamKind::socket, frame_.room(), Wait::no);
      if (got == -EAGAIN) return State::goes_on;
      if (got <= 0) return State::gone;
      frame_.got(static_cast<std::size_t>(got));
      if (frame_.measured() && frame_.size() > longest_proof) return State::gone;
    }
    return State::asks;
  }
  /// The key that it wants the descriptor of; absent if that is no wish.
  std::optional<long> wish() const {
    try {
      const object wish = pickle::loads(frame_.view());  // the key, and its pid, which is no proof
      return wish.is<tuple>() && wish.size() == 2 ? std::optional(wish[0].to<long>()) : std::nullopt;
    } catch (const Exception&) {
      return std::nullopt;
    }
  }
  void give(int fd) const noexcept {
    const char count = 1;
    write_with_descriptors(socket_.get(), {&count, 1}, {}, {&fd, 1});  // who is gone by now has lost it
  }

 private:
  std::unique_ptr<Stranger> stranger_;
  Fd socket_;
  FrameReader frame_;
  Clock::time_point deadline_;
};

/// A Python that unpickles a Connection connects to the process that sent it and asks for the descriptor. Somebody has
/// to answer at any time, hence the library's only thread that is nobody's call; it starts when the first descriptor is
/// shared, and ends with the process or by stop().
///
/// What starts the thread and runs in it are templates of nothing, so that only programs that do send descriptors
/// compile them; every Connection knows the rest.
///
/// Threads: any.
/// Fork:    a child has none of it: what its parent shares is closed there.
/// Death:   with the process all is gone, but for the file of its socket if it was killed.
class ResourceSharer {
 public:
  /// Of this process.
  static ResourceSharer& own() {
    static ResourceSharer& instance = *new ResourceSharer();  // never destroyed: its thread may be the last to run
    return instance;
  }

  /// Shares a duplicate of `fd` with one who knows this process's authkey and asks for it.
  template <class = void>
  SharedId share(int fd);
  /// Those of them that nobody has fetched.
  std::vector<long> still_shared(std::span<const long> keys);
  /// Shares them no longer; those that were fetched are unknown here and passed over.
  void withdraw(std::span<const long> keys) noexcept;
  /// Lets those who are about to fetch them do so, for a while.
  void withdraw_soon(std::span<const long> keys) noexcept;
  /// Ends the thread, and withdraws all.
  void stop() noexcept;

 private:
  using Clock = Stranger::Clock;
  static constexpr std::size_t most_fetchers = 64;
  static constexpr std::chrono::seconds fetcher_timeout{5};
  static constexpr std::chrono::seconds grace{60};

  struct Shared {
    long key;
    Fd fd;
    std::optional<Clock::time_point> end;
  };
  /// All that a child leaves alone.
  struct Running {
    Fd socket;
    SocketFile file;
    std::string address;
    PipeEnds wake;
    std::thread thread;
    Running* outer = nullptr;
  };

  ResourceSharer();
  void abandon() noexcept;
  void check_process() noexcept;
  void wake() const noexcept;
  std::vector<Shared>::iterator place(long key);
  Shared* find(long key);
  Fd take(long key);

  template <class = void>
  void start();
  template <class = void>
  static void run(Running* running) noexcept;
  template <class = void>
  void serve(Running& running);
  template <class = void>
  void grant(const Fetcher& fetcher);
  template <class = void>
  void admit(Running& running, std::vector<std::unique_ptr<Fetcher>>& fetchers);
  template <class = void>
  std::optional<Clock::time_point> expire();

  std::mutex mutex_;
  int pid_ = current_pid();
  std::vector<Shared> shared_;  // by their keys; no map, which takes long to compile
  std::unique_ptr<Running> running_;
  Running* inherited_ = nullptr;  // of ancestors, whose threads are not here to be joined: kept, and left alone
};

inline ResourceSharer::ResourceSharer() {
  call_around_forks([] { own().mutex_.lock(); }, [] { own().mutex_.unlock(); },
                    [] {
                      own().check_process();
                      own().mutex_.unlock();
                    });
}

/// In a child of fork(), and before use, for one whose birth no handler saw.
inline void ResourceSharer::check_process() noexcept {
  if (std::exchange(pid_, current_pid()) != pid_) abandon();
}

inline void ResourceSharer::abandon() noexcept {
  shared_.clear();
  if (!running_) return;
  running_->socket.reset();
  running_->wake = {};
  running_->outer = std::exchange(inherited_, running_.get());
  static_cast<void>(running_.release());
}

inline std::vector<long> ResourceSharer::still_shared(std::span<const long> keys) {
  const std::lock_guard guard(mutex_);
  check_process();
  std::vector<long> still;
  for (const long key : keys) {
    if (find(key) != nullptr) still.push_back(key);
  }
  return still;
}

inline void ResourceSharer::withdraw(std::span<const long> keys) noexcept {
  const std::lock_guard guard(mutex_);
  check_process();
  for (const long key : keys) take(key);
}

inline void ResourceSharer::withdraw_soon(std::span<const long> keys) noexcept {
  const std::lock_guard guard(mutex_);
  check_process();
  for (const long key : keys) {
    if (Shared* const found = find(key)) found->end = Clock::now() + grace;
  }
  wake();
}

inline void ResourceSharer::stop() noexcept {
  std::unique_ptr<Running> ending;
  {
    const std::lock_guard guard(mutex_);
    check_process();
    ending = std::move(running_);
    shared_.clear();
  }
  if (!ending) return;
  ending->wake.write.reset();  // the end of the pipe says that it is the end
  ending->thread.join();
}

inline void ResourceSharer::wake() const noexcept {
  if (running_) write_stream(running_->wake.write.get(), StreamKind::other, "w", {}, Wait::no);
}

/// Where it is, or else belongs.
inline std::vector<ResourceSharer::Shared>::iterator ResourceSharer::place(long key) {
  const auto before = [](const Shared& each, long wanted) { return each.key < wanted; };
  return std::lower_bound(shared_.begin(), shared_.end(), key, before);
}

inline ResourceSharer::Shared* ResourceSharer::find(long key) {
  const auto at = place(key);
  return at != shared_.end() && at->key == key ? &*at : nullptr;
}

inline Fd ResourceSharer::take(long key) {
  Shared* const found = find(key);
  if (found == nullptr) return {};
  Fd fd = std::move(found->fd);
  shared_.erase(shared_.begin() + (found - shared_.data()));
  return fd;
}

template <class>
SharedId ResourceSharer::share(int fd) {
  const std::lock_guard guard(mutex_);
  check_process();
  if (!running_) start();
  Fd copy = duplicate(fd);
  unsigned long random = 0;
  std::memcpy(&random, random_bytes(sizeof random).data(), sizeof random);
  const long key = static_cast<long>(random >> 1);
  shared_.insert(place(key), Shared{key, std::move(copy), std::nullopt});
  return {object(running_->address), key};
}

template <class>
void ResourceSharer::start() {
  if (own_authkey()->empty())
    throw ValueError("send: this process's authkey is empty, so everybody could fetch what is shared");
  auto running = std::make_unique<Running>();
  constexpr std::string_view name = "/sharer";
  const std::string folder = make_socket_folder(name.size());
  running->address = folder + std::string(name);
  running->file = SocketFile(running->address, folder);
  running->socket = listen_at(resolve_path(running->address, running->address), most_fetchers, false, running->address);
  running->wake = make_pipe();
  const AllSignalsBlocked blocked;
  running->thread = std::thread(&ResourceSharer::run<>, running.get());
  running_ = std::move(running);
  // After the children were joined: they may fetch until then.
  Finalize(-100, [] { own().stop(); });
}

template <class>
void ResourceSharer::run(Running* running) noexcept {
  try {
    own().serve(*running);
  } catch (const std::exception& error) {  // no memory, or all descriptors were closed
    sub_warning(std::string("the thread that shares descriptors ended: ") + error.what());
  }
}

template <class>
void ResourceSharer::serve(Running& running) {
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  PollSet events;
  for (;;) {
    auto next = expire();
    events.clear();
    events.add(running.wake.read.get());
    events.add(running.socket.get());
    for (const auto& fetcher : fetchers) {
      events.add(fetcher->fileno());
      next = std::min(next.value_or(Clock::time_point::max()), fetcher->deadline());
    }
    events.wait(Deadline(next ? Timeout(*next - Clock::now()) : Timeout(std::nullopt)));
    if (events.is_ready(0)) {
      std::byte woken[64];
      if (read_stream(running.wake.read.get(), StreamKind::other, woken, Wait::yes) == 0) return;
    }
    std::vector<std::unique_ptr<Fetcher>> staying;
    for (std::size_t i = 0; i < fetchers.size(); ++i) {
      auto state = Fetcher::State::goes_on;
      if (events.is_ready(i + 2)) state = fetchers[i]->receive();
      if (state == Fetcher::State::asks) {
        grant(*fetchers[i]);
      } else if (state == Fetcher::State::goes_on && fetchers[i]->deadline() > Clock::now()) {
        staying.push_back(std::move(fetchers[i]));
      }
    }
    fetchers = std::move(staying);
    if (events.is_ready(1)) admit(running, fetchers);
  }
}

template <class>
void ResourceSharer::grant(const Fetcher& fetcher) {
  const auto key = fetcher.wish();
  if (!key) return;
  Fd wanted;
  {
    const std::lock_guard guard(mutex_);
    wanted = take(*key);
  }
  if (wanted) fetcher.give(wanted.get());
}

template <class>
void ResourceSharer::admit(Running& running, std::vector<std::unique_ptr<Fetcher>>& fetchers) {
  Accepted accepted = accept_from(running.socket.get());
  if (!accepted.socket) {
    // Out of descriptors, say: the oldest gives its own up.
    if (accepted.error != EAGAIN) {
      if (!fetchers.empty()) fetchers.erase(fetchers.begin());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return;
  }
  const auto user = peer_user(accepted.socket.get());
  if (!user || !is_own_user(*user)) return;
  if (fetchers.size() == most_fetchers) fetchers.erase(fetchers.begin());
  auto stranger = std::make_unique<Stranger>(
      std::move(accepted), Handshake(Handshake::Role::listener, *own_authkey(), false), Clock::now() + fetcher_timeout);
  if (stranger->send() != Stranger::Standing::gone) fetchers.push_back(std::make_unique<Fetcher>(std::move(stranger)));
}

/// Closes what nobody has come for; returns when the next is due.
template <class>
std::optional<ResourceSharer::Clock::time_point> ResourceSharer::expire() {
  const std::lock_guard guard(mutex_);
  const auto now = Clock::now();
  std::erase_if(shared_, [&](const auto& each) { return each.end && *each.end <= now; });
  std::optional<Clock::time_point> next;
  for (const Shared& each : shared_) {
    if (each.end) next = std::min(next.value_or(*each.end), *each.end);
  }
  return next;
}

}  // namespace multiprocessing::detail
