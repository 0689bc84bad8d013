// SPDX-License-Identifier: BSL-1.0
/// \file
/// Parcel: the bytes by which a process tells another, of the same build, what it is to be.
#pragma once

#include <multiprocessing/pickle/errors.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace multiprocessing::detail {

/// Writes fields one after the other; an archive, as `serialize` gets one.
class ParcelWriter {
 public:
  static constexpr bool loading = false;

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  std::string_view view() const { return bytes_; }

 private:
  template <class T>
    requires(std::integral<T> || std::is_enum_v<T>)
  void put(T number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void put(const std::string& text) {
    put(std::uint64_t{text.size()});
    bytes_ += text;
  }
  template <class T>
  void put(const std::vector<T>& fields) {
    put(std::uint64_t{fields.size()});
    for (const T& field : fields) put(field);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
    requires requires(T& x, ParcelWriter& archive) { x.serialize(archive); }
  void put(const T& value) {
    const_cast<T&>(value).serialize(*this);  // one function for both ways cannot be const; writing changes nothing
  }

  std::string bytes_;
};

/// Reads what a ParcelWriter wrote, with the same fields. Throws UnpicklingError when it was cut short.
class ParcelReader {
 public:
  static constexpr bool loading = true;

  explicit ParcelReader(std::string_view bytes) : bytes_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }
  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view take(std::size_t size) {
    if (size > bytes_.size() - at_) throw UnpicklingError("what a new process needs was cut short", at_);
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  std::size_t take_size() {
    std::uint64_t size = 0;
    get(size);
    return static_cast<std::size_t>(size);
  }
  template <class T>
    requires(std::integral<T> || std::is_enum_v<T>)
  void get(T& number) {
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
  }
  void get(std::string& text) { text = take(take_size()); }
  template <class T>
  void get(std::vector<T>& fields) {
    fields.clear();
    for (std::size_t left = take_size(); left > 0; --left) get(fields.emplace_back());
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there) get(value.emplace());
  }
  template <class T>
    requires requires(T& x, ParcelReader& archive) { x.serialize(archive); }
  void get(T& value) {
    value.serialize(*this);
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace multiprocessing::detail
