// SPDX-License-Identifier: BSL-1.0
/// \file
/// TextReference: what `text.value` and `text.raw` are, of an array of char.
#pragma once

#include <multiprocessing/detail/sharedctypes/text.hpp>
#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace multiprocessing {

namespace detail {

template <class Owner, class T>
class TextMembers;

/// The part of an array that a text takes: up to its first NUL, or all of it.
enum class TextPart { value, raw };

}  // namespace detail

/// Stands for the text in an array of char: converts to std::string, and is assigned from whatever is a string.
///
/// `value` ends before the first NUL, and a shorter text is ended by one; `raw` is all bytes, and a shorter text
/// replaces the first ones only. Reading and writing are done under the lock, if the array has one.
template <class Owner, detail::TextPart part>
class TextReference {
 public:
  TextReference(const TextReference&) = delete;  // an alias; copy by `auto s = text.value.get()`
  TextReference& operator=(const TextReference& other) {
    set(other.get());
    return *this;
  }
  const TextReference& operator=(std::string_view text) const {
    set(text);
    return *this;
  }

  operator std::string() const { return get(); }

  std::string get() const {
    return owner().with([](std::span<char> bytes) {
      const auto end = part == detail::TextPart::raw ? bytes.end() : std::find(bytes.begin(), bytes.end(), '\0');
      return std::string(bytes.begin(), end);
    });
  }

  /// Throws ValueError when the text is longer than the array.
  void set(std::string_view text) const {
    owner().with([&](std::span<char> bytes) {
      if (text.size() > bytes.size())
        throw ValueError("byte string too long: " + std::to_string(text.size()) + " bytes for an array of " +
                         std::to_string(bytes.size()));
      if (!text.empty()) std::memmove(bytes.data(), text.data(), text.size());
      if (part == detail::TextPart::value && text.size() < bytes.size()) bytes[text.size()] = '\0';
    });
  }

  friend bool operator==(const TextReference& a, std::string_view b) { return a.get() == b; }
  friend bool operator==(const TextReference& a, const TextReference& b) { return a.get() == b.get(); }
  friend std::ostream& operator<<(std::ostream& out, const TextReference& text) { return out << text.get(); }
  friend std::string repr_of(const TextReference& text) { return detail::text_of<detail::Style::repr>(text.get()); }
  friend std::string str_of(const TextReference& text) { return text.get(); }

 private:
  friend class detail::TextMembers<Owner, char>;
  explicit TextReference(const detail::TextMembers<Owner, char>* members) : members_(members) {}
  const Owner& owner() const { return static_cast<const Owner&>(*members_); }

  const detail::TextMembers<Owner, char>* const members_;
};

namespace detail {

/// The base of an array: for char it brings `value` and `raw`.
template <class Owner, class T>
class TextMembers {};

template <class Owner>
class TextMembers<Owner, char> {
 public:
  TextMembers() : value(this), raw(this) {}
  // The members refer to the array that they are in.
  TextMembers(const TextMembers&) : TextMembers() {}
  TextMembers& operator=(const TextMembers&) { return *this; }

  TextReference<Owner, TextPart::value> value;
  TextReference<Owner, TextPart::raw> raw;
};

}  // namespace detail

}  // namespace multiprocessing
