// SPDX-License-Identifier: BSL-1.0
/// \file
/// object: Python's dynamic value.
#pragma once

#include <multiprocessing/object/declared.hpp>
#include <multiprocessing/object/node.hpp>

#include <multiprocessing/detail/text/quote.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace multiprocessing {

/// Python's `None`.
inline constexpr std::nullptr_t None = nullptr;

namespace detail {

struct ObjectAccess;
/// Says that an object is of the kind of the class that it is given to.
struct Known {};

template <class T>
concept object_number = std::integral<T> && !std::same_as<T, bool> && !character<T>;
/// What becomes an object by way of pickle; the rest does so by itself.
template <class T>
concept sent_as_object = !std::derived_from<T, object> && !std::convertible_to<const T&, std::string_view> &&
                         (!std::is_arithmetic_v<T> || (character<T> && !std::same_as<T, char>));

}  // namespace detail

/// Any value of Python's: None, bool, int of any size, float, str, bytes, list, tuple, dict, set and more; or an
/// instance of a class that only Python knows, kept as it was described and handed back equal.
///
/// It is a reference, as a Python variable is: a copy refers to the same list, and a change through one is seen through
/// both; `copy.deepcopy` is `deepcopy()`. Numbers, None and short strings lie inside it; moving is always free.
/// `mp::list`, `mp::dict` and the like are objects known to be one. Two objects are equal as in Python: 1 == 1.0 ==
/// True.
///
/// Threads: as of std::shared_ptr: objects may be copied anywhere, but a container that one thread changes is its own.
/// Fork:    private memory; a child has its own copy.
class object {
 public:
  /// None.
  object() noexcept {}  // not defaulted: clang then lets no const object begin as None
  object(std::nullptr_t) noexcept {}
  object(std::nullopt_t) noexcept {}
  template <std::same_as<bool> Bool>
  object(Bool value) noexcept : integer_(value ? 1 : 0), kind_(detail::Kind::boolean) {}
  template <detail::object_number Integer>
  object(Integer value);
  template <std::floating_point Float>
  object(Float value) : object(from_double(static_cast<double>(value))) {}
  template <std::same_as<char> Char>  // or a wchar_t would be cut to one
  object(Char character) : object(std::string_view(&character, 1)) {}
  /// A str, from UTF-8. Bytes that are none are kept as lone surrogates, as of Python's os.fsdecode.
  object(std::string_view text);
  object(const std::string& text) : object(std::string_view(text)) {}
  object(const char* text) : object(text == nullptr ? object() : object(std::string_view(text))) {}
  /// What `pickle::loads` would make of `pickle::dumps(value)`: a list of a vector, a dict of a map, and so on.
  template <class T>
  requires detail::sent_as_object<T>
  explicit object(const T& value);

  object(const object& other);
  object(object&& other) noexcept { take(other); }
  object& operator=(const object& other) {
    object copy(other);
    swap(copy);
    return *this;
  }
  object& operator=(object&& other) noexcept {
    object taken(std::move(other));  // first, for it may lie in what ends here
    swap(taken);
    return *this;
  }
  ~object() {
    if (has_node()) release();
  }
  void swap(object& other) noexcept;

  /// Python's `type(x).__name__`: "NoneType", "int", "str", or a class's own name.
  std::string type_name() const;
  bool is_none() const noexcept { return kind_ == detail::Kind::none || (form_ == weak && object(*this).is_none()); }
  /// Python's `is`: whether both refer to the same container; numbers and strings have no identity and compare by
  /// value.
  bool is(const object& other) const noexcept;
  /// Whether this is what a `T` is sent as: `is<int>()` of an int that fits, `is<std::string>()` of a str,
  /// `is<mp::list>()` of a list.
  template <class T>
  bool is() const;
  /// As a `T`, which may be anything that can be sent. Throws TypeError where the type does not fit, ValueError where
  /// the value does not. mp::list and the like refer to the same container; everything else is a copy.
  template <class T>
  T to() const;
  /// Python's truth: false for None, zero and what is empty.
  explicit operator bool() const;
  /// The same as to() for a number: `static_cast<int>(x)`.
  template <class Number>
  requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool>) explicit operator Number() const {
    return to<Number>();
  }

  /// Python's `len(x)`, for a str its code points. Throws TypeError for what has none.
  std::size_t size() const;
  /// Python's `x[key]` of a list, tuple or dict, to read; `mp::list` and `mp::dict` also change. Negative indices count
  /// from the end. Throws IndexError, KeyError or TypeError.
  const object& operator[](const object& key) const;
  /// Python's `key in x`, for a list, tuple, dict, set or str.
  bool contains(const object& key) const;
  /// A copy that shares nothing mutable with this one. What was shared inside stays shared inside.
  template <class Object = object>
  Object deepcopy() const;

  friend bool operator==(const object& a, const object& b) { return a.equals(b); }
  friend std::string repr_of(const object& x) { return x.repr(); }
  friend std::string str_of(const object& x) { return x.str(); }
  friend std::ostream& operator<<(std::ostream& stream, const object& x) { return x.print(stream); }

 private:
  friend struct detail::ObjectAccess;

  // Beyond these a node is pointed to: by a weak reference (to a container that this one lies in), or by a strong one.
  static constexpr std::uint8_t inside = 14, weak = 0xfe, strong = 0xff;

  static object from_double(double value);
  bool has_node() const noexcept { return form_ >= weak; }
  void release() noexcept;
  void take(object& other) noexcept;
  bool equals(const object& other) const;
  std::string repr() const;
  std::string str() const;
  std::ostream& print(std::ostream& stream) const;

  // Short text begins here and runs on through more_; form_ then is its length.
  union {
    std::int64_t integer_ = 0;
    double real_;
    detail::Node* node_;
  };
  [[maybe_unused]] char more_[6] = {};
  std::uint8_t form_ = 0;
  detail::Kind kind_ = detail::Kind::none;
};

inline void object::swap(object& other) noexcept {
  char mine[sizeof(object)];
  std::memcpy(mine, static_cast<const void*>(this), sizeof(object));
  std::memcpy(static_cast<void*>(this), static_cast<const void*>(&other), sizeof(object));
  std::memcpy(static_cast<void*>(&other), mine, sizeof(object));
}

/// What `other` is, which then is None; this one held nothing.
inline void object::take(object& other) noexcept {
  std::memcpy(static_cast<void*>(this), static_cast<const void*>(&other), sizeof(object));
  other.form_ = 0;
  other.kind_ = detail::Kind::none;
}

inline object::object(const object& other) {
  std::memcpy(static_cast<void*>(this), static_cast<const void*>(&other), sizeof(object));
  if (form_ == strong) {
    node_->add();
  } else if (form_ == weak) {
    // Whoever takes it out of its container holds it like any other. When the content is gone it reads as None.
    form_ = strong;
    if (!node_->lock()) {
      kind_ = detail::Kind::none;
      form_ = 0;
    }
  }
}

inline void object::release() noexcept {
  if (form_ == strong) {
    if (node_->drop()) detail::end_node(kind_, node_);
  } else if (node_->drop_weak()) {
    detail::free_node(kind_, node_);
  }
}

namespace detail {

/// The inside of objects, for the parts that this library builds on them.
struct ObjectAccess {
  static Kind kind(const object& x) noexcept { return x.kind_; }
  static bool has_node(const object& x) noexcept { return x.has_node(); }
  static bool is_weak(const object& x) noexcept { return x.form_ == object::weak; }
  static std::int64_t integer(const object& x) noexcept { return x.integer_; }
  static Node* node(const object& x) noexcept { return x.node_; }
  template <class T>
  static T& node_as(const object& x) noexcept {
    return *static_cast<T*>(x.node_);
  }

  static double real(const object& x) noexcept {
    if (!x.has_node()) return x.real_;
    double value;
    std::memcpy(&value, static_cast<BlobNode*>(x.node_)->data(), sizeof value);
    return value;
  }

  /// The text of a str, as on the wire; the bytes of bytes, and of an integer that has a node.
  static std::string_view text(const object& x) noexcept {
    if (x.has_node()) return static_cast<BlobNode*>(x.node_)->view();
    return {reinterpret_cast<const char*>(&x), x.form_};
  }

  static object inline_integer(std::int64_t value) noexcept {
    object made;
    made.integer_ = value;
    made.kind_ = Kind::integer;
    return made;
  }
  static object inline_real(double value) noexcept {
    object made;
    made.real_ = value;
    made.kind_ = Kind::real;
    return made;
  }
  /// Takes over the one reference to `node`.
  static object adopt(Kind kind, Node* node) noexcept {
    object made;
    made.node_ = node;
    made.form_ = object::strong;
    made.kind_ = kind;
    return made;
  }
  /// Refers to `x` without keeping it: how a container names one that it lies in.
  static object weak_to(const object& x) noexcept {
    object made = adopt(x.kind_, x.node_);
    made.form_ = object::weak;
    x.node_->add_weak();
    return made;
  }

  static object text(Kind kind, std::string_view text) {
    if (text.size() > object::inside) return adopt(kind, BlobNode::make(text));
    object made;
    if (!text.empty()) std::memcpy(reinterpret_cast<char*>(&made), text.data(), text.size());
    made.form_ = static_cast<std::uint8_t>(text.size());
    made.kind_ = kind;
    return made;
  }
};

}  // namespace detail

}  // namespace multiprocessing

/// Equal objects have equal hashes. Throws TypeError for what Python cannot hash.
template <>
struct std::hash<multiprocessing::object> {
  std::size_t operator()(const multiprocessing::object& x) const;
};
