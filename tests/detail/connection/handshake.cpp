// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/connection/handshake.hpp>

#include <multiprocessing/errors.hpp>

#include "support/catch.hpp"

#include <string>

namespace mp = multiprocessing;
using mp::detail::Handshake;
using Role = mp::detail::Handshake::Role;

namespace {

const std::string prefix = "#CHALLENGE#";

std::string md5(const std::string& key, const std::string& message) {
  return *mp::detail::hmac(*mp::detail::find_digest("md5"), key, message);
}
std::string sha256(const std::string& key, const std::string& message) {
  return "{sha256}" + *mp::detail::hmac(*mp::detail::find_digest("sha256"), key, message);
}

/// What the listener's next challenge is; and lets it be answered by `answer(challenge)`.
template <class Answer>
Handshake listener_after(Answer answer, bool refuse_md5 = false) {
  Handshake listener(Role::listener, "key", refuse_md5);
  const std::string challenge = listener.outgoing().substr(prefix.size());
  listener.receive(answer(challenge));
  return listener;
}

}  // namespace

TEST_CASE("Handshake: two ends with one key", "[connection][handshake]") {
  Handshake listener(Role::listener, "key", true), client(Role::client, "key", true);
  int messages = 0;
  while (!listener.done() || !client.done()) {
    for (std::string message = listener.outgoing(); !message.empty(); message.clear(), ++messages)
      client.receive(message);
    for (std::string message = client.outgoing(); !message.empty(); message.clear(), ++messages)
      listener.receive(message);
  }
  CHECK(messages == 6);
}

TEST_CASE("Handshake: the known digests of HMAC", "[connection][handshake]") {
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const char c : bytes)
      text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4], text += "0123456789abcdef"[c & 15];
    return text;
  };
  // From RFC 2104 and RFC 4231.
  CHECK(hex(md5("Jefe", "what do ya want for nothing?")) == "750c783e6ab0b503eaa86e310a5db738");
  CHECK(hex(sha256("Jefe", "what do ya want for nothing?").substr(8)) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("Handshake: an old Python's answer by MD5 is taken, unless it is refused", "[connection][handshake]") {
  const auto answer = [](const std::string& challenge) { return md5("key", challenge); };
  CHECK(listener_after(answer).outgoing() == "#WELCOME#");
  CHECK_THROWS_WITH(listener_after(answer, true), contains("refuse_md5"));
  const auto named = [](const std::string& challenge) { return "{md5}" + md5("key", challenge); };
  CHECK(listener_after(named).outgoing() == "#WELCOME#");
  CHECK_THROWS_AS(listener_after(named, true), mp::AuthenticationError);
}

TEST_CASE("Handshake: an old Python's challenge is answered by MD5, unless it is refused", "[connection][handshake]") {
  const std::string challenge(20, 'c');
  Handshake client(Role::client, "key", false);
  client.receive(prefix + challenge);
  CHECK(client.outgoing() == md5("key", challenge));
  CHECK_THROWS_WITH(Handshake(Role::client, "key", true).receive(prefix + challenge), contains("refuse_md5"));
  CHECK_THROWS_AS(Handshake(Role::client, "key", true).receive(prefix + "{md5}" + std::string(40, 'c')),
                  mp::AuthenticationError);
}

TEST_CASE("Handshake: a challenge names the digest of its answer", "[connection][handshake]") {
  for (const char* const name : {"md5", "sha256", "sha384", "sha3_256", "sha3_384"}) {
    CAPTURE(name);
    const std::string challenge = '{' + std::string(name) + '}' + std::string(40, 'c');
    Handshake client(Role::client, "key", false);
    client.receive(prefix + challenge);
    CHECK(client.outgoing() ==
          '{' + std::string(name) + '}' + *mp::detail::hmac(*mp::detail::find_digest(name), "key", challenge));
  }
}

TEST_CASE("Handshake: what proves nothing is refused, and told so once", "[connection][handshake]") {
  const std::string once = GENERATE(std::string(), std::string(16, '\0'), std::string(20, '\0'), std::string(32, '\0'),
                                    std::string("{sha256}"), "{sha256}" + std::string(32, '\0'),
                                    std::string("{sha1}") + std::string(20, 'x'), "{" + std::string(200, 'x'),
                                    std::string("#WELCOME#"), std::string("#CHALLENGE#"));
  Handshake listener(Role::listener, "key", false);
  const std::string challenge = listener.outgoing().substr(prefix.size());
  CHECK_THROWS_AS(listener.receive(once), mp::AuthenticationError);
  CHECK(listener.outgoing() == "#FAILURE#");
  CHECK_FALSE(listener.proved());
  CHECK_FALSE(listener.done());

  CHECK_THROWS_AS(listener_after([](const std::string& c) { return sha256("other key", c); }), mp::AuthenticationError);
  CHECK_THROWS_AS(listener_after([](const std::string& c) { return sha256("", c); }), mp::AuthenticationError);
  CHECK_THROWS_AS(listener_after([](const std::string& c) { return sha256("key", c) + 'x'; }), mp::AuthenticationError);
  CHECK_THROWS_AS(listener_after([](const std::string& c) { return sha256("key", c).substr(0, 39); }),
                  mp::AuthenticationError);
}

TEST_CASE("Handshake: a challenge that is none is not answered", "[connection][handshake]") {
  const std::string message = GENERATE(std::string(), std::string("#CHALLENGE#"), "#CHALLENGE#" + std::string(19, 'x'),
                                       "#CHALLENGE#" + std::string(40, 'x'), "#CHALLENGE#{sha1}" + std::string(40, 'x'),
                                       std::string("#WELCOME#"));
  Handshake client(Role::client, "key", false);
  CHECK_THROWS_AS(client.receive(message), mp::AuthenticationError);
  CHECK(client.outgoing().empty());
}

TEST_CASE("Handshake: nothing is answered before the other has proved itself", "[connection][handshake]") {
  Handshake listener(Role::listener, "key", false);
  const std::string challenge = listener.outgoing();
  SECTION("its own challenge sent back to it") {
    CHECK_THROWS_AS(listener.receive(challenge), mp::AuthenticationError);
    CHECK(listener.outgoing() == "#FAILURE#");
  }
  SECTION("a challenge in place of an answer") {
    CHECK_THROWS_AS(listener.receive(prefix + std::string(20, 'c')), mp::AuthenticationError);
    CHECK(listener.outgoing() == "#FAILURE#");
  }
  SECTION("the answer to an earlier challenge") {
    const std::string old = sha256("key", challenge.substr(prefix.size()));
    CHECK_THROWS_AS(listener_after([&](const std::string&) { return old; }), mp::AuthenticationError);
  }
}

TEST_CASE("Handshake: a client is not let in without a welcome", "[connection][handshake]") {
  Handshake client(Role::client, "key", false);
  client.receive(prefix + mp::detail::make_challenge());
  client.outgoing();
  CHECK_THROWS_WITH(client.receive(GENERATE(std::string("#FAILURE#"), std::string(), std::string("#WELCOME#x"))),
                    contains("rejected"));
}
