// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a Listener and a Client can be told.
#pragma once

#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace multiprocessing {

/// Within what time, from its first message on, the other end has to prove that it knows the key.
inline constexpr std::chrono::seconds handshake_timeout{5};

/// `mp::Listener listener(address, {.authkey = key});`
struct ListenerOptions {
  int backlog = 128;                                     ///< how many may wait to be accepted
  std::optional<std::string> family = {};                ///< "AF_UNIX" or "AF_INET"; absent: what the address says
  std::optional<std::string> authkey = {};               ///< with one, both ends prove that they know it
  bool refuse_md5 = false;                               ///< turns Pythons before 3.12 away
  bool any_user = false;                                 ///< lets other users connect; on TCP, anybody without a key
  std::size_t most_strangers = 64;                       ///< how many may be in their handshake at once
  std::chrono::nanoseconds timeout = handshake_timeout;  ///< for the handshake of each
};

/// `mp::Client client(address, {.authkey = key});`
struct ClientOptions {
  Timeout timeout = {};                     ///< until the listener has accepted, and proved itself if there is a key
  std::optional<std::string> family = {};   ///< "AF_UNIX" or "AF_INET"; must be that of the address
  std::optional<std::string> authkey = {};  ///< with one, both ends prove that they know it
  bool refuse_md5 = false;                  ///< refuses listeners in Pythons before 3.12
  bool any_user = false;                    ///< connects to a Unix socket of another user, too
};

namespace detail {

inline void check_authkey(const std::optional<std::string>& key, const char* who) {
  if (key && key->empty()) throw ValueError(std::string(who) + ": the authkey is empty, so everybody knows it");
}

inline void check_family(const std::optional<std::string>& family) {
  if (family && *family != "AF_UNIX" && *family != "AF_INET")
    throw ValueError("Family " + *family + " is not recognized.");
}

}  // namespace detail

}  // namespace multiprocessing
