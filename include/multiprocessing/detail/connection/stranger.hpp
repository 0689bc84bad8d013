// SPDX-License-Identifier: BSL-1.0
/// \file
/// Stranger: a peer that has not proved itself yet.
#pragma once

#include <multiprocessing/detail/connection/frame.hpp>
#include <multiprocessing/detail/connection/frame_reader.hpp>
#include <multiprocessing/detail/connection/handshake.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/os/stream.hpp>
#include <multiprocessing/errors.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// A peer of a Listener that is still in its handshake. It is never waited for; it gets at most three messages of at
/// most 256 bytes in, and never any memory for more.
class Stranger {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Standing { unknown, proved, gone };

  Stranger(Accepted accepted, Handshake handshake, Clock::time_point deadline)
      : socket_(std::move(accepted.socket)),
        address_(accepted.address),
        handshake_(std::move(handshake)),
        deadline_(deadline) {}

  int fileno() const { return socket_.get(); }
  /// Whether it has proved itself and only we have not, yet.
  bool is_trusted() const { return handshake_.proved(); }
  /// Whether it is a Python; known when it has proved itself.
  bool is_python() const { return handshake_.with_python(); }
  Clock::time_point deadline() const { return deadline_; }
  void extend(Clock::duration by) { deadline_ += by; }

  /// Sends what is to be sent. A peer that does not even take that is gone.
  Standing send();
  /// Takes what has come. Throws AuthenticationError when it proves nothing.
  Standing receive();

  Accepted take() { return {std::move(socket_), address_}; }

 private:
  static constexpr StreamKind kind = StreamKind::socket;

  Fd socket_;
  SocketAddress address_;
  Handshake handshake_;
  Clock::time_point deadline_;
  FrameReader frame_;
};

inline Stranger::Standing Stranger::send() {
  const std::string message = handshake_.outgoing();
  if (message.empty()) return Standing::unknown;
  const std::string frame = framed(message);
  // So little always finds room, unless the peer sends and never reads.
  const bool taken =
      write_stream(socket_.get(), kind, frame, {}, Wait::no) == static_cast<std::ptrdiff_t>(frame.size());
  return taken ? Standing::unknown : Standing::gone;
}

inline Stranger::Standing Stranger::receive() {
  for (;;) {
    const std::ptrdiff_t got = read_stream(socket_.get(), kind, frame_.room(), Wait::no);
    if (got == -EAGAIN) return Standing::unknown;
    if (got <= 0) return Standing::gone;
    frame_.got(static_cast<std::size_t>(got));
    if (frame_.measured() && frame_.size() > longest_proof) return Standing::gone;
    if (!frame_.complete()) continue;
    try {
      handshake_.receive(frame_.view());
    } catch (...) {
      send();
      throw;
    }
    frame_.forget();
    if (send() == Standing::gone) return Standing::gone;
    if (handshake_.done()) return Standing::proved;
  }
}

}  // namespace multiprocessing::detail
