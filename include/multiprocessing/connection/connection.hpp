// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connection: one end of a two-way or one-way channel for messages.
#pragma once

#include <multiprocessing/connection/buffer_too_short.hpp>
#include <multiprocessing/connection/buffers.hpp>
#include <multiprocessing/detail/connection/boarding.hpp>
#include <multiprocessing/detail/connection/frame.hpp>
#include <multiprocessing/detail/connection/frame_reader.hpp>
#include <multiprocessing/detail/connection/passengers.hpp>
#include <multiprocessing/detail/connection/resource_sharer.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/detail/os/stream.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/object/bytes.hpp>
#include <multiprocessing/object/instance.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/tuple.hpp>
#include <multiprocessing/pickle.hpp>
#include <multiprocessing/time.hpp>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace multiprocessing {

namespace detail {

/// Whether a value of this type may hold a Connection or DupFd. An object holds neither.
template <class T>
inline constexpr bool may_hold_descriptors = !std::is_arithmetic_v<T> && !std::derived_from<T, object> &&
                                             !std::convertible_to<const T&, std::string_view> && !bytes_like<T>;

}  // namespace detail

/// One end of a channel for messages, of Python's on the other end as well; the counterpart of Python's
/// `multiprocessing.connection.Connection`.
///
/// It owns its descriptor. A moved-from one behaves as closed.
///
/// Shared:  move it into a Process, or send it through another Connection. Processes that use the same end, which fork
///          has copied, take turns by a lock of their own.
/// Threads: one may send while another receives.
/// Fork:    a child holds a copy of every end open; close those that it does not use, or nobody sees the end.
/// Death:   messages sent before a peer died are received; then comes EOFError, or OSError when it died inside one.
/// Cost:    two system calls to receive and one to send; long messages are not copied on their way.
class Connection {
 public:
  /// None: closed.
  Connection() = default;
  /// Takes the descriptor over, whatever it is. Throws ValueError or OSError if it is none.
  explicit Connection(int handle, bool readable = true, bool writable = true);

  Connection(Connection&& other) noexcept = default;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection() { end_sharing(); }

  /// Sends a value: everything that `pickle::dumps` takes, and Connections and DupFds in it.
  template <class T>
  void send(const T& value, pickle::DumpsOptions options = {});

  /// Receives a value as a `T`, of Python's own as an `object`. Throws EOFError when nothing is left and the other end
  /// was closed; TimeoutError when the message was not there in time, also when it began and then stopped: the next
  /// receive goes on where this one ended. A message that is no `T` throws UnpicklingError, and is gone.
  template <class T = object>
  T recv(Timeout timeout = std::nullopt, pickle::LoadsOptions options = {});

  /// Sends bytes, text or numbers as one message: `size` bytes from `offset`, as they lie in memory.
  void send_bytes(detail::SourceBuffer buffer, std::ptrdiff_t offset = 0,
                  std::optional<std::ptrdiff_t> size = std::nullopt);

  /// Receives one message as it is. One longer than `maxlength` throws OSError, and as in Python nothing can be
  /// received any more. Otherwise throws as recv().
  bytes recv_bytes(std::optional<std::size_t> maxlength = std::nullopt, Timeout timeout = std::nullopt);

  /// Receives one message into `buffer` from byte `offset` on; returns its size. Throws BufferTooShort, which holds the
  /// message, if it is too long. Otherwise throws as recv().
  std::size_t recv_bytes_into(detail::TargetBuffer buffer, std::ptrdiff_t offset = 0, Timeout timeout = std::nullopt);

  /// Waits until something can be received or `timeout` has passed; returns whether it can. An end counts, too.
  bool poll(Timeout timeout = false) const;

  /// The descriptor, which stays this object's.
  int fileno() const;
  void close() noexcept { *this = Connection(); }
  bool closed() const { return !handle_; }
  /// Whether it is open in that direction.
  bool readable() const { return handle_ && readable_; }
  bool writable() const { return handle_ && writable_; }

  /// Whether a Python is at the other end: the descriptors that are sent there are shared until it fetches them, since
  /// they cannot go along with the message. A handshake finds out by itself; where there was none, say so.
  bool python_peer() const { return python_peer_; }
  void python_peer(bool is_python) { python_peer_ = is_python; }

  /// How it crosses to another process, also from and to a Python: the receiver gets an end of its own. (A template, so
  /// that only programs that do send one compile all that this takes.)
  template <class = void>
  object reduce() const;
  static Connection rebuild(const object& sent);

 private:
  /// A message that is on its way in, and the descriptors that came with it.
  struct Arrival {
    detail::FrameReader frame;
    std::vector<detail::Fd> passengers;

    void forget() {
      frame.forget();
      passengers.clear();
    }
  };
  /// Leaves the arrival empty, however a receive ends.
  class Arrived {
   public:
    explicit Arrived(Arrival& arrival) : arrival_(arrival) {}
    Arrived(const Arrived&) = delete;
    Arrived& operator=(const Arrived&) = delete;
    ~Arrived() { arrival_.forget(); }

   private:
    Arrival& arrival_;
  };

  [[noreturn]] static void refuse(int error, const std::string& what) {
    throw OSError(std::error_code(error, std::generic_category()), what);
  }
  void check_readable() const;
  void check_writable() const;
  Arrival& arrival();
  void transmit(std::string_view message, std::span<const int> passengers = {});
  void receive_size(const detail::Deadline& deadline, bool with_passengers = false);
  void receive_rest(const detail::Deadline& deadline);
  void receive_part(const detail::Deadline& deadline, bool with_passengers);
  [[noreturn]] void refuse_length();
  void end_sharing() noexcept;

  detail::Fd handle_;
  detail::StreamKind kind_ = detail::StreamKind::other;
  bool readable_ = false;
  bool writable_ = false;
  bool python_peer_ = false;
  std::vector<long> shared_;          // keys of descriptors that the other end may still fetch
  std::unique_ptr<Arrival> arrival_;  // made when it is first needed; a pointer, so that a Connection is cheap to move
};

inline Connection::Connection(int handle, bool readable, bool writable) : readable_(readable), writable_(writable) {
  if (handle < 0) throw ValueError("Connection: invalid handle " + std::to_string(handle));
  if (!readable && !writable) throw ValueError("Connection: at least one of `readable` and `writable` must be true");
  kind_ = detail::stream_kind(handle);
  handle_ = detail::Fd(handle);
}

inline Connection& Connection::operator=(Connection&& other) noexcept {
  const Connection closing(std::move(*this));
  handle_ = std::move(other.handle_);
  kind_ = other.kind_;
  readable_ = other.readable_;
  writable_ = other.writable_;
  python_peer_ = other.python_peer_;
  shared_ = std::move(other.shared_);
  arrival_ = std::move(other.arrival_);
  return *this;
}

/// Who is gone will fetch nothing any more; who is there may have the message yet to read.
inline void Connection::end_sharing() noexcept {
  if (shared_.empty()) return;
  auto& sharer = detail::ResourceSharer::own();
  detail::is_hung_up(handle_.get()) ? sharer.withdraw(shared_) : sharer.withdraw_soon(shared_);
}

template <class T>
void Connection::send(const T& value, pickle::DumpsOptions options) {
  check_writable();
  detail::Departure passengers(python_peer_);
  const bytes message = pickle::dumps(value, options);
  transmit(message.view(), passengers.leaving());
  if (const auto keys = passengers.depart(); !keys.empty()) {
    shared_ = detail::ResourceSharer::own().still_shared(shared_);  // else it would grow for ever
    for (const long key : keys) shared_.push_back(key);
  }
}

template <class T>
T Connection::recv(Timeout timeout, pickle::LoadsOptions options) {
  detail::require_value_type<T>();
  check_readable();
  const detail::Deadline deadline(timeout);
  receive_size(deadline, detail::may_hold_descriptors<T>);
  receive_rest(deadline);
  const Arrived leave_none(*arrival_);
  const detail::Passengers passengers(std::move(arrival_->passengers), deadline);
  return pickle::loads<T>(arrival_->frame.view(), options);
}

inline void Connection::send_bytes(detail::SourceBuffer buffer, std::ptrdiff_t offset,
                                   std::optional<std::ptrdiff_t> size) {
  check_writable();
  transmit(buffer.part(offset, size));
}

inline bytes Connection::recv_bytes(std::optional<std::size_t> maxlength, Timeout timeout) {
  check_readable();
  const detail::Deadline deadline(timeout);
  receive_size(deadline);
  if (maxlength && arrival_->frame.size() > *maxlength) refuse_length();
  receive_rest(deadline);
  const Arrived leave_none(*arrival_);
  return arrival_->frame.take();
}

inline std::size_t Connection::recv_bytes_into(detail::TargetBuffer buffer, std::ptrdiff_t offset, Timeout timeout) {
  check_readable();
  const auto target = buffer.from(offset);
  const detail::Deadline deadline(timeout);
  receive_size(deadline);
  detail::FrameReader& frame = arrival_->frame;
  const bool fits = frame.size() <= target.size();
  if (fits) frame.divert(target.data());
  receive_rest(deadline);
  const Arrived leave_none(*arrival_);
  if (!fits) {
    const auto size = frame.size();
    throw BufferTooShort("recv_bytes_into: a message of " + std::to_string(size) + " bytes, and room for " +
                             std::to_string(target.size()) + "; message() is all of it",
                         frame.take());
  }
  return static_cast<std::size_t>(frame.size());
}

inline bool Connection::poll(Timeout timeout) const {
  check_readable();
  return detail::wait_for(handle_.get(), detail::Ready::to_read, detail::Deadline(timeout));
}

inline int Connection::fileno() const {
  if (!handle_) refuse(EBADF, "handle is closed");
  return handle_.get();
}

template <class>
object Connection::reduce() const {
  return instance(global("multiprocessing.connection.rebuild_connection"),
                  tuple{detail::board(fileno()), readable_, writable_});
}

inline Connection Connection::rebuild(const object& sent) {
  if (sent.is<instance>()) {
    const auto call = sent.to<instance>();
    const object args = call.args();
    if (call.class_name() == "multiprocessing.connection.rebuild_connection" && args.size() == 3) {
      const bool readable = args[1].to<bool>(), writable = args[2].to<bool>();
      detail::Fd own = detail::alight(args[0]);
      Connection received(own.get(), readable, writable);
      static_cast<void>(own.release());
      return received;
    }
  }
  throw TypeError("a Connection is wanted");
}

inline void Connection::check_readable() const {
  if (!handle_) refuse(EBADF, "handle is closed");
  if (!readable_) refuse(EBADF, "connection is write-only");
}

inline void Connection::check_writable() const {
  if (!handle_) refuse(EBADF, "handle is closed");
  if (!writable_) refuse(EBADF, "connection is read-only");
}

inline Connection::Arrival& Connection::arrival() {
  if (!arrival_) arrival_ = std::make_unique<Arrival>();
  return *arrival_;
}

inline void Connection::transmit(std::string_view message, std::span<const int> passengers) {
  if (!passengers.empty() && kind_ != detail::StreamKind::unix_socket)
    refuse(EOPNOTSUPP, "send: descriptors cross to another process only through a Unix socket");
  const detail::FrameHeader header(message.size());
  std::string_view head = header.view();
  // So little is copied in less time than the kernel takes to gather it.
  char whole[1024];
  if (head.size() + message.size() <= sizeof whole) {
    std::memcpy(whole, head.data(), head.size());
    if (!message.empty()) std::memcpy(whole + head.size(), message.data(), message.size());
    head = {whole, head.size() + message.size()};
    message = {};
  }
  while (!head.empty() || !message.empty()) {
    const std::ptrdiff_t taken = passengers.empty()
                                     ? detail::write_stream(handle_.get(), kind_, head, message, detail::Wait::yes)
                                     : detail::write_with_descriptors(handle_.get(), head, message, passengers);
    if (taken >= 0) {
      const auto of_head = std::min(head.size(), static_cast<std::size_t>(taken));
      head.remove_prefix(of_head);
      message.remove_prefix(static_cast<std::size_t>(taken) - of_head);
      passengers = {};
    } else if (taken == -EAGAIN) {
      detail::wait_for(handle_.get(), detail::Ready::to_write, detail::Deadline(std::nullopt));
    } else {
      detail::throw_os_error(static_cast<int>(-taken), "send: the message could not be sent");
    }
  }
}

inline void Connection::receive_size(const detail::Deadline& deadline, bool with_passengers) {
  detail::FrameReader& frame = arrival().frame;
  while (!frame.measured()) receive_part(deadline, with_passengers);
  if (frame.broken()) refuse_length();
}

inline void Connection::receive_rest(const detail::Deadline& deadline) {
  while (!arrival_->frame.complete()) receive_part(deadline, false);
}

inline void Connection::receive_part(const detail::Deadline& deadline, bool with_passengers) {
  using detail::Wait;
  detail::FrameReader& frame = arrival_->frame;
  const auto room = frame.room();
  const Wait wait = deadline.forever() ? Wait::yes : Wait::no;
  // Descriptors come with the first byte of a message. Where nobody wants them the kernel drops them.
  const std::ptrdiff_t got =
      with_passengers && kind_ == detail::StreamKind::unix_socket && !frame.begun()
          ? detail::read_with_descriptors(handle_.get(), room, arrival_->passengers, wait == Wait::yes)
          : detail::read_stream(handle_.get(), kind_, room, wait);
  if (got > 0) return frame.got(static_cast<std::size_t>(got));
  if (got == -EAGAIN) {
    if (detail::wait_for(handle_.get(), detail::Ready::to_read, deadline)) return;
    frame.keep();
    throw TimeoutError(frame.begun() ? "recv: a message began, and the rest of it did not come in time"
                                     : "recv: no message came in time");
  }
  const bool inside = frame.begun();
  arrival_->forget();
  if (got < 0) detail::throw_os_error(static_cast<int>(-got), "recv: the connection is broken");
  if (inside) refuse(ECONNRESET, "got end of file during message");
  throw EOFError("recv: the other end was closed, and no message is left");
}

inline void Connection::refuse_length() {
  arrival_->forget();
  if (writable_) {
    readable_ = false;
  } else {
    close();
  }
  refuse(EMSGSIZE, "bad message length");
}

}  // namespace multiprocessing
