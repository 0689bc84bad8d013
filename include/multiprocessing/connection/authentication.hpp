// SPDX-License-Identifier: BSL-1.0
/// \file
/// deliver_challenge and answer_challenge: the handshake on a Connection that exists already.
#pragma once

#include <multiprocessing/connection/connection.hpp>
#include <multiprocessing/connection/options.hpp>
#include <multiprocessing/detail/connection/challenge.hpp>

#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <string>
#include <string_view>

namespace multiprocessing::connection {

/// How the two below are done.
struct AuthenticationOptions {
  Timeout timeout = handshake_timeout;
  bool refuse_md5 = false;
};

/// Has the other end prove that it knows the key; throws AuthenticationError if it does not.
inline void deliver_challenge(Connection& connection, const std::string& authkey,
                              const AuthenticationOptions& options = {}) {
  detail::check_authkey(authkey, "deliver_challenge");
  const std::string challenge = detail::make_challenge();
  connection.send_bytes(std::string(detail::challenge_prefix) + challenge);
  const bytes answer = connection.recv_bytes(detail::longest_proof, options.timeout);
  const std::string fault = detail::fault_of_answer(answer.view(), challenge, authkey, options.refuse_md5);
  connection.send_bytes(fault.empty() ? detail::welcome : detail::failure);
  if (!fault.empty()) throw AuthenticationError(fault);
}

/// Proves to the other end that this one knows the key; throws AuthenticationError if it is not believed.
inline void answer_challenge(Connection& connection, const std::string& authkey,
                             const AuthenticationOptions& options = {}) {
  detail::check_authkey(authkey, "answer_challenge");
  const detail::Deadline deadline(options.timeout);
  const bytes challenge = connection.recv_bytes(detail::longest_proof, deadline.left());
  if (!challenge.view().starts_with(detail::challenge_prefix))
    throw AuthenticationError("expected a challenge; does the other end want no authkey?");
  connection.send_bytes(
      detail::answer_to(challenge.view().substr(detail::challenge_prefix.size()), authkey, options.refuse_md5));
  if (connection.recv_bytes(detail::longest_proof, deadline.left()).view() != detail::welcome)
    throw AuthenticationError("digest sent was rejected: do both ends have the same authkey?");
}

}  // namespace multiprocessing::connection
