// SPDX-License-Identifier: BSL-1.0
/// \file
/// Handshake: how two ends prove to each other that they know one key, message by message.
#pragma once

#include <multiprocessing/detail/connection/challenge.hpp>

#include <multiprocessing/errors.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// CPython's handshake at one end; it neither reads nor writes. Each side challenges once, the listener first, and
/// answers nothing before the other's answer was right; so it says nothing that a stranger could use.
///
///             listener                 client
/// begins      sends a challenge        waits for it
///             waits for the answer     answers, waits for the verdict
///             sends the verdict        sends a challenge
///             waits for a challenge    waits for the answer
///             answers                  sends the verdict, and is done
///             waits for the verdict
///             is done
class Handshake {
 public:
  enum class Role { listener, client };

  Handshake(Role role, std::string key, bool refuse_md5) : role_(role), key_(std::move(key)), refuse_md5_(refuse_md5) {
    if (role == Role::listener) deliver();
  }

  bool done() const { return state_ == State::done; }
  /// Whether the other end has proved that it knows the key.
  bool proved() const { return proved_; }
  /// Whether the other end is Python's; known when done.
  bool with_python() const { return with_python_; }
  /// The message to send now, if any; also when receive() threw.
  std::string outgoing() { return std::exchange(outgoing_, {}); }
  /// Takes a message of the other end's. Throws AuthenticationError when it proves nothing.
  void receive(std::string_view message);

 private:
  enum class State { challenge, verdict, answer, done };

  void deliver() {
    challenge_ = make_challenge();
    outgoing_ = std::string(challenge_prefix) + challenge_;
    state_ = State::answer;
  }
  void take_challenge(std::string_view message);
  void take_verdict(std::string_view message);
  void take_answer(std::string_view message);

  Role role_;
  std::string key_;
  bool refuse_md5_;
  State state_ = State::challenge;
  bool proved_ = false;
  bool with_python_ = false;
  std::string challenge_;
  std::string outgoing_;
};

inline void Handshake::receive(std::string_view message) {
  switch (state_) {
    case State::challenge: return take_challenge(message);
    case State::verdict: return take_verdict(message);
    case State::answer: return take_answer(message);
    case State::done: throw AuthenticationError("a message of a handshake that is over");
  }
}

inline void Handshake::take_challenge(std::string_view message) {
  if (!message.starts_with(challenge_prefix))
    throw AuthenticationError("expected a challenge; does the other end want no authkey?");
  const auto challenge = message.substr(challenge_prefix.size());
  outgoing_ = answer_to(challenge, key_, refuse_md5_);
  with_python_ = !is_own_challenge(challenge);
  state_ = State::verdict;
}

inline void Handshake::take_verdict(std::string_view message) {
  if (message != welcome) throw AuthenticationError("digest sent was rejected: do both ends have the same authkey?");
  if (role_ == Role::client) {
    deliver();
  } else {
    state_ = State::done;
  }
}

inline void Handshake::take_answer(std::string_view message) {
  const std::string fault = fault_of_answer(message, challenge_, key_, refuse_md5_);
  outgoing_ = fault.empty() ? welcome : failure;
  if (!fault.empty()) throw AuthenticationError(fault);
  proved_ = true;
  state_ = role_ == Role::listener ? State::challenge : State::done;
}

}  // namespace multiprocessing::detail
