// SPDX-License-Identifier: BSL-1.0
/// \file
/// bytes and bytearray: Python's strings of bytes.
#pragma once

#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing {

/// An object that is bytes, a range of `std::byte`: what `pickle::dumps` returns and a Connection sends. It does not
/// change, and a copy of a long one refers to the same memory.
class bytes : public object {
 public:
  using value_type = std::byte;
  using size_type = std::size_t;
  using const_iterator = const std::byte*;
  using iterator = const_iterator;

  bytes(detail::Known, object known) noexcept : object(std::move(known)) {}
  bytes() : bytes(std::string_view()) {}
  explicit bytes(std::string_view content) : object(detail::ObjectAccess::text(detail::Kind::bytes, content)) {}
  explicit bytes(std::span<const std::byte> content) : bytes(as_text(content)) {}

  const std::byte* data() const { return reinterpret_cast<const std::byte*>(view().data()); }
  std::size_t size() const { return view().size(); }
  bool empty() const { return size() == 0; }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size(); }
  std::byte operator[](std::size_t at) const { return data()[at]; }
  /// The same bytes as characters; valid as long as this object is neither assigned nor gone.
  std::string_view view() const { return detail::ObjectAccess::text(*this); }

 private:
  static std::string_view as_text(std::span<const std::byte> content) {
    return {reinterpret_cast<const char*>(content.data()), content.size()};
  }
};

/// An object that is a bytearray: bytes that change. Copies refer to the same one.
class bytearray : public object {
 public:
  bytearray(detail::Known, object known) noexcept : object(std::move(known)) {}
  bytearray() : bytearray(std::string_view()) {}
  explicit bytearray(std::string_view content)
      : object(detail::ObjectAccess::adopt(detail::Kind::bytearray,
                                           new (::operator new(sizeof(detail::BytearrayNode))) detail::BytearrayNode)) {
    this->content() = content;
  }

  std::size_t size() const { return content().size(); }
  /// The bytes themselves, to read and to change.
  std::string& content() const { return detail::ObjectAccess::node_as<detail::BytearrayNode>(*this).content; }
};

}  // namespace multiprocessing
