// SPDX-License-Identifier: BSL-1.0
/// \file
/// Keyed digests, by OpenSSL; the only header that includes it.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <climits>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// A digest that CPython's handshake knows.
struct Digest {
  std::string_view name;
  std::size_t size;
  const EVP_MD* (*get)();
};

inline constexpr std::array<Digest, 5> known_digests{{{"md5", 16, ::EVP_md5},
                                                      {"sha256", 32, ::EVP_sha256},
                                                      {"sha384", 48, ::EVP_sha384},
                                                      {"sha3_256", 32, ::EVP_sha3_256},
                                                      {"sha3_384", 48, ::EVP_sha3_384}}};

inline const Digest* find_digest(std::string_view name) {
  for (const Digest& digest : known_digests) {
    if (digest.name == name) return &digest;
  }
  return nullptr;
}

/// HMAC of `message`; absent where this OpenSSL may not compute the digest (MD5 on a machine set to FIPS).
inline std::optional<std::string> hmac(const Digest& digest, std::string_view key, std::string_view message) {
  if (key.size() > INT_MAX) return std::nullopt;
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const auto* const made = ::HMAC(digest.get(), key.data(), static_cast<int>(key.size()),
                                  reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                  reinterpret_cast<unsigned char*>(mac.data()), &size);
  if (made == nullptr || size != digest.size) return std::nullopt;
  mac.resize(size);
  return mac;
}

/// Whether they are equal, in a time that does not tell where they differ.
inline bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace multiprocessing::detail
