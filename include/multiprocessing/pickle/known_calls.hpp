// SPDX-License-Identifier: BSL-1.0
/// \file
/// The closed list of calls whose result is known without making them; all others are kept as they are.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/pickle/message.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

inline Value value_of(Kind kind, std::size_t extra, std::int64_t integer) {
  Value value;
  value.kind = static_cast<std::uint64_t>(kind) & 0x3f;
  value.big = 0;
  value.in_run = 0;
  value.extra = extra & 0xff'ffff'ffff'ffff;
  value.integer = integer;
  return value;
}
inline Value text_value(Kind kind, std::string_view text) {
  Value value = value_of(kind, text.size(), 0);
  value.text = text.data();
  return value;
}
inline Value body_value(Kind kind, Body* body) {
  Value value = value_of(kind, 0, 0);
  value.body = body;
  return value;
}
inline bool is_body(const Value& value) { return value.what() >= Kind::tuple && value.what() <= Kind::instance; }
inline bool is_text(const Value& value, std::string_view text) {
  return value.what() == Kind::str && value.view() == text;
}
inline bool is_items(const Value& value) {
  return value.what() == Kind::list || value.what() == Kind::tuple || is_set(value.what());
}

/// What `callable(*args)` is, if it is a call on the list: containers and bytes made of others, arrays, slices.
class KnownCalls {
 public:
  KnownCalls(Message& message, Tape& tape) : message_(message), tape_(tape) {}

  std::optional<Value> call(const Value& callable, const Value& args) {
    if (callable.what() != Kind::global || args.what() != Kind::tuple) return std::nullopt;
    const auto module = callable.body->items[0].view(), name = callable.body->items[1].view();
    const Items& given = args.body->items;
    if (module == "builtins") return builtin(name, given);
    if (module == "array") return array(name, given);
    if (module == "_codecs" && name == "encode") return encode(given);
    return std::nullopt;
  }

  /// copyreg._reconstructor(type, object, None)
  static bool is_reconstructor(const Value& callable, const Value& args) {
    if (!is_global(callable, "copyreg", "_reconstructor") || args.what() != Kind::tuple) return false;
    const Items& given = args.body->items;
    return given.size == 3 && given[0].what() == Kind::global && is_global(given[1], "builtins", "object") &&
           given[2].what() == Kind::none;
  }

 private:
  static bool is_global(const Value& value, std::string_view module, std::string_view name) {
    return value.what() == Kind::global && value.body->items[0].view() == module && value.body->items[1].view() == name;
  }

  std::optional<Value> builtin(std::string_view name, const Items& args) {
    if (name == "list") return container(Kind::list, args);
    if (name == "set") return container(Kind::set, args);
    if (name == "frozenset") return container(Kind::frozenset, args);
    if (name == "tuple") return container(Kind::tuple, args);
    if (name == "slice" && args.size == 3) return body_of(Kind::slice, args);
    if (name == "bytes" && args.size == 0) return text_value(Kind::bytes, {});
    if (name == "bytearray") return bytearray(args);
    if (name == "getattr" && args.size == 2) return inner_global(args[0], args[1]);
    return std::nullopt;
  }

  /// list(items), of items that are in the message: they are not copied, for that could be said again and again.
  std::optional<Value> container(Kind kind, const Items& args) {
    if (args.size == 0) return body_of(kind, Items());
    if (args.size != 1 || !is_items(args[0])) return std::nullopt;
    Items& items = args[0].body->items;
    items.capacity = 0;  // now nobody owns the room, and it stays where it is
    if (args[0].body->shared) share(items);
    return body_of(kind, items);
  }

  /// Two containers now refer to these values.
  void share(const Items& items) {
    message_.spend_values(items.size);
    for (std::size_t i = 0; i < items.size; ++i) {
      if (is_body(items[i])) items[i].body->shared = true;
    }
  }

  std::optional<Value> bytearray(const Items& args) {
    Value content = text_value(Kind::bytes, {});
    if (args.size == 1 && args[0].what() == Kind::bytes) {
      content = args[0];
    } else if (args.size == 2) {
      const auto encoded = encode(args);
      if (!encoded) return std::nullopt;
      content = *encoded;
    } else if (args.size != 0) {
      return std::nullopt;
    }
    return content_body(Kind::bytearray, content);
  }

  /// getattr(outer class, name): what protocols below 4 have for a class in a class.
  std::optional<Value> inner_global(const Value& outer, const Value& name) {
    if (outer.what() != Kind::global || name.what() != Kind::str) return std::nullopt;
    const auto outer_name = outer.body->items[1].view();
    const std::size_t size = outer_name.size() + 1 + name.view().size();
    message_.spend_bytes(size);
    char* const text = tape_.take_text(size);
    std::copy(outer_name.begin(), outer_name.end(), text);
    text[outer_name.size()] = '.';
    std::copy(name.view().begin(), name.view().end(), text + outer_name.size() + 1);
    const Value parts[] = {outer.body->items[0], text_value(Kind::str, {text, size})};
    Items items;
    tape_.append(items, parts, 2);
    return body_of(Kind::global, items);
  }

  /// Protocols below 3 have no bytes, and write them as text whose code points are the bytes.
  std::optional<Value> encode(const Items& args) {
    if (args.size != 2 || args[0].what() != Kind::str) return std::nullopt;
    if (!is_text(args[1], "latin1") && !is_text(args[1], "latin-1")) return std::nullopt;
    const auto text = args[0].view();
    message_.spend_bytes(text.size());
    char* const bytes = tape_.take_text(text.size());
    std::size_t size = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      unsigned char byte = byte_at(text, at);
      if (byte >= 0xc4) message_.refuse("bytes are written as text with a code point above 255");
      if (byte >= 0x80) byte = static_cast<unsigned char>(byte << 6 | (byte_at(text, ++at) & 0x3f));
      bytes[size++] = static_cast<char>(byte);
    }
    return text_value(Kind::bytes, {bytes, size});
  }

  /// array.array(typecode, list or bytes), and array._array_reconstructor(array.array, typecode, format, bytes).
  std::optional<Value> array(std::string_view name, const Items& args) {
    if (name == "array" && args.size == 2 && args[0].what() == Kind::str && args[0].extra == 1) {
      const char typecode = args[0].text[0];
      if (args[1].what() == Kind::list) return array_of_list(typecode, args[1]);
      if (args[1].what() == Kind::bytes) return array_of_bytes(typecode, false, args[1]);
    }
    const bool rebuilt = name == "_array_reconstructor" && args.size == 4 && args[1].what() == Kind::str &&
                         args[2].what() == Kind::integer && args[3].what() == Kind::bytes && args[2].big == 0;
    if (!rebuilt || args[2].integer < 0 || args[2].integer > 17) return std::nullopt;
    // The formats in Python's order, little-endian and big-endian by turns. It depends on them alone what the bytes
    // mean: the typecode l has another size on other systems.
    constexpr std::string_view typecodes = "BbHHhhIIiiQQqqffdd";
    const auto format = static_cast<std::size_t>(args[2].integer);
    const char given = args[1].extra == 1 ? args[1].text[0] : '\0';
    const char typecode = plain_typecode(given) == typecodes[format] ? given : typecodes[format];
    return array_of_bytes(typecode, format > 1 && format % 2 == 1, args[3]);
  }

  std::optional<Value> array_of_bytes(char typecode, bool swapped, const Value& content) {
    const std::size_t size = item_size(typecode);
    if (size == 0 || content.extra % size != 0) return std::nullopt;
    const Value made = content_body(Kind::array, content);
    made.body->typecode = typecode;
    made.body->swapped = swapped;
    return made;
  }

  std::optional<Value> array_of_list(char typecode, const Value& content) {
    if (item_size(typecode) == 0) return std::nullopt;
    const Items& items = content.body->items;
    const std::size_t size = items.count() * item_size(typecode);
    message_.spend_bytes(size);
    char* const bytes = tape_.take_text(size);
    const bool stored = with_item_type(typecode, [&]<class... T>(T...) { return (store_all<T>(items, bytes) && ...); });
    if (!stored) return std::nullopt;
    return array_of_bytes(typecode, false, text_value(Kind::bytes, {bytes, size}));
  }

  template <class T>
  static bool store_all(const Items& items, char* bytes) {
    bool stored = true;
    items.each([&](const Value& item) {
      stored = stored && store<T>(item, bytes);
      bytes += sizeof(T);
    });
    return stored;
  }

  template <class T>
  static bool store(const Value& item, char* bytes) {
    T number;
    if constexpr (std::floating_point<T>) {
      if (item.what() == Kind::real) {
        number = static_cast<T>(item.real);
      } else {
        return false;
      }
    } else if (item.what() == Kind::integer && item.big != 0) {
      const wide_integer wide = item.extra <= 9 ? wide_of(item.view()) : -1;
      if (!std::same_as<T, std::uint64_t> || wide < 0 || wide >> 64 != 0) return false;
      number = static_cast<T>(wide);
    } else {
      if (item.what() != Kind::integer || !std::in_range<T>(item.integer)) return false;
      number = static_cast<T>(item.integer);
    }
    std::memcpy(bytes, &number, sizeof number);
    return true;
  }

  Value body_of(Kind kind, const Items& items) {
    auto* body = tape_.make<Body>();
    body->offset = message_.offset();
    body->items = items;
    return body_value(kind, body);
  }
  Value content_body(Kind kind, const Value& content) {
    Items items;
    tape_.append(items, &content, 1);
    return body_of(kind, items);
  }

  Message& message_;
  Tape& tape_;
};

}  // namespace multiprocessing::detail
