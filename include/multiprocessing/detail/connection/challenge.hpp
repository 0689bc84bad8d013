// SPDX-License-Identifier: BSL-1.0
/// \file
/// The proofs of CPython's handshake: a challenge, its answer, and whether an answer is right.
#pragma once

#include <multiprocessing/detail/connection/hmac.hpp>

#include <multiprocessing/detail/os/random.hpp>
#include <multiprocessing/errors.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

inline constexpr std::string_view challenge_prefix = "#CHALLENGE#";
inline constexpr std::string_view welcome = "#WELCOME#";
inline constexpr std::string_view failure = "#FAILURE#";

/// No message of a handshake is longer, in Python either.
inline constexpr std::size_t longest_proof = 256;

/// What Pythons before 3.12 send as a challenge, and answer.
inline constexpr std::size_t legacy_challenge_size = 20;
inline constexpr std::size_t legacy_answer_size = 16;

/// The digest that a message names, `{sha256}...`, and what follows; the name is empty in the form of Pythons
/// before 3.12, which is recognised by its length and means MD5.
struct NamedDigest {
  const Digest* digest;
  std::string_view content;
  bool legacy;
};

/// Absent if it names none that is known.
inline std::optional<NamedDigest> named_digest(std::string_view message) {
  if (message.size() == legacy_challenge_size || message.size() == legacy_answer_size)
    return NamedDigest{find_digest("md5"), message, true};
  if (!message.starts_with('{')) return std::nullopt;
  const std::size_t end = message.substr(0, 16).find('}');
  if (end == message.npos) return std::nullopt;
  const Digest* const digest = find_digest(message.substr(1, end - 1));
  if (digest == nullptr) return std::nullopt;
  return NamedDigest{digest, message.substr(end + 1), false};
}

inline bool is_md5(const Digest& digest) { return digest.name == "md5"; }

/// Bytes that nobody has seen before, behind the name of the digest that newer Pythons answer with. Older ones take the
/// whole of it as bytes. They are more than Python's 40, which says who we are.
inline constexpr std::string_view own_digest = "{sha256}";
inline constexpr std::size_t own_random_size = 48;
inline std::string make_challenge() { return std::string(own_digest) + random_bytes(own_random_size); }

/// Whether this library has made the challenge. All are as good as each other, so nothing hangs on a lie.
inline bool is_own_challenge(std::string_view challenge) {
  return challenge.size() == own_digest.size() + own_random_size;
}

/// The answer to a challenge; throws AuthenticationError where there is none that we give.
inline std::string answer_to(std::string_view challenge, std::string_view key, bool refuse_md5) {
  if (challenge.size() < legacy_challenge_size)
    throw AuthenticationError("challenge too short: " + std::to_string(challenge.size()) + " bytes");
  const auto asked = named_digest(challenge);
  if (!asked) throw AuthenticationError("the challenge names no digest that is known");
  if (refuse_md5 && is_md5(*asked->digest))
    throw AuthenticationError("the other end asks for MD5, as Pythons before 3.12 do, and refuse_md5 is set");
  const auto mac = hmac(*asked->digest, key, challenge);
  if (!mac) throw AuthenticationError("OpenSSL does not compute " + std::string(asked->digest->name) + " here");
  return asked->legacy ? *mac : '{' + std::string(asked->digest->name) + '}' + *mac;
}

/// Why the answer to our challenge is no proof; empty if it is one.
inline std::string fault_of_answer(std::string_view answer, std::string_view challenge, std::string_view key,
                                   bool refuse_md5) {
  const auto given = named_digest(answer);
  if (!given) return "the answer names no digest that is known";
  if (refuse_md5 && is_md5(*given->digest))
    return "the other end answered by MD5, as Pythons before 3.12 do, and refuse_md5 is set";
  const auto expected = hmac(*given->digest, key, challenge);
  if (!expected) return "OpenSSL does not compute " + std::string(given->digest->name) + " here";
  if (!equal_in_constant_time(*expected, given->content))
    return "digest received was wrong: do both ends have the same authkey?";
  return {};
}

}  // namespace multiprocessing::detail
