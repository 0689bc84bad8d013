// SPDX-License-Identifier: BSL-1.0
/// \file
/// FrameReader: makes messages of a stream of bytes, in whatever pieces they come.
#pragma once

#include <multiprocessing/detail/connection/frame.hpp>
#include <multiprocessing/object/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// Says where the next bytes of a stream belong, and takes none that belong to the next message. It keeps what it has
/// while no more comes, so that a receiver may give up and return.
///
/// Memory grows with what has come, never with what was announced. A long message is received into the very block that
/// the bytes object holds.
class FrameReader {
 public:
  /// How much memory the first part of a long message gets; what follows doubles it.
  static constexpr std::size_t usual_first_block = std::size_t{1} << 20;

  explicit FrameReader(std::size_t first_block = usual_first_block) : first_block_(first_block) {}
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader() { std::free(block_); }

  /// Whether a part of a message has come.
  bool begun() const { return header_got_ != 0; }
  /// Whether the length is known: size().
  bool measured() const { return measured_; }
  std::uint64_t size() const { return size_; }
  /// Whether what came cannot be the length of a message.
  bool broken() const { return measured_ && size_ > longest_message; }
  bool complete() const { return measured_ && got_ == size_; }

  /// Where the next bytes go: never empty until the message is complete or broken.
  std::span<std::byte> room();
  /// So many bytes were put there.
  void got(std::size_t count);

  /// The content goes to `target`, which has room for it; until keep() or forget().
  void divert(std::byte* target);
  /// The content that went to the target is needed here after all: the receiver gives up for now.
  void keep();

  /// The complete message; until it is taken or forgotten.
  std::string_view view() const { return {content(), static_cast<std::size_t>(size_)}; }
  bytes take();
  void forget();

 private:
  const char* content() const {
    return block_ == nullptr ? small_ : static_cast<const char*>(block_) + sizeof(BlobNode);
  }
  char* content() { return block_ == nullptr ? small_ : static_cast<char*>(block_) + sizeof(BlobNode); }
  void reserve();
  void measure();

  const std::size_t first_block_;
  std::byte header_[12];
  std::size_t header_got_ = 0;
  bool measured_ = false;
  std::uint64_t size_ = 0;
  std::size_t got_ = 0;  // of the content
  std::byte* target_ = nullptr;
  void* block_ = nullptr;  // a BlobNode to be, of malloc
  std::size_t capacity_ = sizeof small_;
  char small_[512];
};

inline std::span<std::byte> FrameReader::room() {
  if (!measured_) {
    const std::size_t whole = header_got_ < 4 ? 4 : sizeof header_;
    return {header_ + header_got_, whole - header_got_};
  }
  if (broken() || complete()) return {};
  if (target_ != nullptr) return {target_ + got_, static_cast<std::size_t>(size_) - got_};
  if (got_ == capacity_ || (got_ == 0 && size_ > capacity_)) reserve();
  const auto end = std::min(static_cast<std::size_t>(size_), capacity_);
  return {reinterpret_cast<std::byte*>(content()) + got_, end - got_};
}

inline void FrameReader::got(std::size_t count) {
  if (measured_) {
    got_ += count;
  } else {
    header_got_ += count;
    measure();
  }
}

inline void FrameReader::measure() {
  const auto number = [&](std::size_t from, std::size_t to) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < to; ++i) value = value << 8 | std::to_integer<std::uint64_t>(header_[i]);
    return value;
  };
  if (header_got_ < 4) return;
  const std::uint64_t first = number(0, 4);
  if (first == 0xffff'ffff && header_got_ < sizeof header_) return;
  // Signed there: what is negative and not minus one is beyond any length.
  size_ = first == 0xffff'ffff ? number(4, 12) : first <= 0x7fff'ffff ? first : ~std::uint64_t{0};
  measured_ = true;
}

inline void FrameReader::reserve() {
  const std::size_t wanted = std::min(static_cast<std::size_t>(size_), std::max(first_block_, got_ * 2));
  const bool was_small = block_ == nullptr;
  void* const larger = std::realloc(block_, sizeof(BlobNode) + wanted);
  if (larger == nullptr) throw std::bad_alloc();
  block_ = larger;
  capacity_ = wanted;
  if (was_small && got_ != 0) std::memcpy(content(), small_, got_);
}

inline void FrameReader::divert(std::byte* target) {
  if (got_ != 0) std::memcpy(target, content(), got_);
  target_ = target;
}

inline void FrameReader::keep() {
  if (target_ == nullptr) return;
  const std::byte* const from = std::exchange(target_, nullptr);
  const std::size_t count = std::exchange(got_, 0);
  while (got_ < count) {
    const auto free = room();
    const auto part = free.first(std::min(free.size(), count - got_));
    std::memcpy(part.data(), from + got_, part.size());
    got_ += part.size();
  }
}

inline bytes FrameReader::take() {
  if (block_ == nullptr) {
    const bytes taken(view());
    forget();
    return taken;
  }
  auto* const node = new (std::exchange(block_, nullptr)) BlobNode;
  node->size = static_cast<std::size_t>(size_);
  forget();
  return bytes(Known(), ObjectAccess::adopt(Kind::bytes, node));
}

inline void FrameReader::forget() {
  std::free(std::exchange(block_, nullptr));
  capacity_ = sizeof small_;
  header_got_ = 0;
  measured_ = false;
  size_ = 0;
  got_ = 0;
  target_ = nullptr;
}

}  // namespace multiprocessing::detail
