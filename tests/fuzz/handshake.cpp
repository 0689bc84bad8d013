// SPDX-License-Identifier: BSL-1.0
/// \file
/// libFuzzer on the handshake in both roles: whatever a peer says that does not know the key, it is not believed,
/// learns nothing, and nothing but AuthenticationError comes of it. Half of the inputs know the key for the first
/// messages, so that the later states are reached.
#include "sanitizer.hpp"

#include <multiprocessing/detail/connection/handshake.hpp>

#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace mp = multiprocessing;
using mp::detail::Handshake;

namespace {

const std::string key = "the key that no input knows";

void require(bool condition) {
  if (!condition) std::abort();
}

/// The next message of the input: a byte of length and its content.
std::string_view next_message(std::string_view& input) {
  if (input.empty()) return {};
  const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(input[0]), input.size() - 1);
  const auto message = input.substr(1, size);
  input.remove_prefix(1 + size);
  return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const auto choice = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  const bool listens = (choice & 1) != 0, refuses_md5 = (choice & 2) != 0;
  const unsigned honest_messages = (choice >> 2) % 3;

  Handshake tested(listens ? Handshake::Role::listener : Handshake::Role::client, key, refuses_md5);
  Handshake honest(listens ? Handshake::Role::client : Handshake::Role::listener, key, false);
  std::string said = tested.outgoing();
  bool honest_proved = false;
  try {
    for (unsigned i = 0; i < honest_messages && !tested.done(); ++i) {
      if (!said.empty()) honest.receive(said);
      tested.receive(honest.outgoing());
      said = tested.outgoing();
      honest_proved = tested.proved();
    }
    for (int i = 0; i < 8 && !tested.done(); ++i) {
      const std::string_view message = next_message(input);
      const bool proved_before = tested.proved();
      tested.receive(message);
      // An answer to a challenge that is new each time cannot be in any input.
      require(tested.proved() == proved_before);
      require(tested.outgoing().size() <= mp::detail::longest_proof);
    }
    require(!tested.done() || honest_proved);
  } catch (const mp::AuthenticationError& error) {
    require(!std::string_view(error.what()).empty());
    const std::string last = tested.outgoing();
    require(last.empty() || last == mp::detail::failure);
    require(!tested.done() && tested.proved() == honest_proved);
  }
  return 0;
}
