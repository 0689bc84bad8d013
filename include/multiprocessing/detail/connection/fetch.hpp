// SPDX-License-Identifier: BSL-1.0
/// \file
/// Fetching a descriptor from the process that shares it, as Python's `multiprocessing.resource_sharer` has it.
#pragma once

#include <multiprocessing/detail/connection/frame.hpp>
#include <multiprocessing/detail/connection/frame_reader.hpp>
#include <multiprocessing/detail/connection/handshake.hpp>
#include <multiprocessing/detail/connection/shared_id.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/detail/os/resolve.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/os/stream.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/tuple.hpp>
#include <multiprocessing/pickle.hpp>
#include <multiprocessing/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// A sharer may be busy with others. It is waited for at most so long, or as long as the receive has left; but it has
/// the lesser time in any case, since a message that came in time is lost if its descriptors are not there.
inline constexpr std::chrono::seconds longest_fetch{30};
inline constexpr std::chrono::seconds shortest_fetch{1};

/// One talk with a sharer. Whoever wrote the message chose its address; so it has to be a Unix socket, through which
/// alone descriptors go, and this user's, before we answer the challenge that comes from there.
class Fetch {
 public:
  /// Throws TypeError if that is no address of a Unix socket.
  Fetch(const object& where, const Deadline& deadline) : deadline_(deadline) {
    const auto path = where.to<std::string>();
    socket_ = connect_to(resolve_path(path, path), deadline_, path);
    const auto user = peer_user(socket_.get());
    if (!user || !is_own_user(*user)) throw AuthenticationError("recv: another user shares descriptors at " + path);
  }

  void authenticate(const std::string& authkey) {
    Handshake handshake(Handshake::Role::client, authkey, false);
    while (!handshake.done()) {
      const std::string message = receive();
      try {
        handshake.receive(message);
      } catch (const AuthenticationError&) {
        send(handshake.outgoing());
        throw;
      }
      send(handshake.outgoing());
    }
  }

  Fd descriptor(long key) {
    send(pickle::dumps(object(tuple{key, current_pid()})).view());
    std::byte count{};
    std::vector<Fd> received;
    await();
    const auto got = read_with_descriptors(socket_.get(), {&count, 1}, received, true);
    if (got < 0) throw_os_error(static_cast<int>(-got), "recv: the descriptor could not be fetched");
    if (got == 0 || received.size() != 1)
      throw EOFError("recv: the sender has no such descriptor any more; it can be fetched once");
    return std::move(received[0]);
  }

 private:
  void await() const {
    if (!wait_for(socket_.get(), Ready::to_read, deadline_))
      throw TimeoutError("recv: the sender of a descriptor did not hand it over in time");
  }
  void send(std::string_view message) const {
    if (message.empty()) return;
    const std::string frame = framed(message);
    // So little always finds room.
    const auto taken = write_stream(socket_.get(), StreamKind::socket, frame, {}, Wait::yes);
    if (taken < 0) throw_os_error(static_cast<int>(-taken), "recv: the sender of a descriptor is gone");
  }
  std::string receive() const {
    FrameReader frame;
    while (!frame.complete()) {
      await();
      const auto got = read_stream(socket_.get(), StreamKind::socket, frame.room(), Wait::yes);
      if (got < 0) throw_os_error(static_cast<int>(-got), "recv: the sender of a descriptor is gone");
      if (got == 0) throw EOFError("recv: the sender of a descriptor closed the connection to fetch it");
      frame.got(static_cast<std::size_t>(got));
      if (frame.measured() && frame.size() > longest_proof)
        throw AuthenticationError("recv: who shares a descriptor speaks another protocol");
    }
    return std::string(frame.view());
  }

  Deadline deadline_;
  Fd socket_;
};

/// The descriptor of that key, from the process that shares it there: once, and that process's
/// `current_process().authkey` opens it.
inline Fd fetch(const SharedId& id, const std::string& authkey, const Deadline& deadline = Deadline(std::nullopt)) {
  Fetch from(id.where, Deadline(std::clamp<std::chrono::nanoseconds>(deadline.left(), shortest_fetch, longest_fetch)));
  from.authenticate(authkey);
  return from.descriptor(id.key);
}

}  // namespace multiprocessing::detail
