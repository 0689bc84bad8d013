// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/owner_ref.hpp>

#include "support/catch.hpp"

using namespace multiprocessing::detail;

TEST_CASE("OwnerRef: a slot and a generation, and never a thread id nor the kernel's marks", "[detail][owner_ref]") {
  for (const std::uint32_t slot : {0u, 1u, 4095u, slot_limit - 1}) {
    for (const std::uint32_t generation : {0u, 1u, 0xffffu}) {
      const OwnerRef owner(slot, generation);
      CHECK(owner.slot() == slot);
      CHECK(owner.generation() == generation);
      CHECK((owner.bits() & (1u << 31 | 1u << 30)) == 0);
      CHECK(owner.bits() > 4u << 20);  // the largest id that the kernel ever gives
      CHECK(OwnerRef(owner.bits() | word_waiters) == owner);
      CHECK(static_cast<bool>(owner));
    }
  }
}

TEST_CASE("OwnerRef: a generation beyond 16 bits begins anew", "[detail][owner_ref]") {
  CHECK(OwnerRef(5, 0x10003) == OwnerRef(5, 3));
}

TEST_CASE("OwnerRef: a free word is nobody, with or without sleepers", "[detail][owner_ref]") {
  CHECK_FALSE(OwnerRef(0));
  CHECK_FALSE(OwnerRef(word_waiters));
  CHECK(OwnerRef() == OwnerRef(word_waiters));
}

TEST_CASE("ProcessRef: a slot and a generation of 19 bits", "[detail][owner_ref]") {
  const ProcessRef process(8190, 0x7ffff);
  CHECK(process.slot() == 8190);
  CHECK(process.generation() == 0x7ffff);
  CHECK(ProcessRef(process.bits()) == process);
  CHECK_FALSE(ProcessRef());
}
