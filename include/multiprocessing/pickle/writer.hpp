// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writer: pickle's instructions, as bytes.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/object/bytes.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/wire_text.hpp>
#include <multiprocessing/pickle/errors.hpp>
#include <multiprocessing/pickle/number_table.hpp>
#include <multiprocessing/pickle/opcodes.hpp>
#include <multiprocessing/pickle/options.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>

namespace multiprocessing::detail {

/// Bytes that grow at their end: first on the stack, then in the very block that the finished bytes object holds.
class GrowingBytes {
 public:
  GrowingBytes() = default;
  GrowingBytes(const GrowingBytes&) = delete;
  ~GrowingBytes() { std::free(block_); }

  /// Room for `size` more bytes, which count as written.
  char* add(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return data_ + std::exchange(size_, size_ + size);
  }

  std::size_t size() const { return size_; }

  bytes take() {
    if (block_ == nullptr) return bytes(std::string_view(data_, size_));
    // The rest of the room stays: it was never touched, and giving it back would have it fetched anew for the next
    // message.
    auto* const node = new (block_) BlobNode;
    node->size = size_;
    block_ = nullptr;
    return bytes(Known(), ObjectAccess::adopt(Kind::bytes, node));
  }

 private:
  void grow(std::size_t size) {
    if (size > std::numeric_limits<std::size_t>::max() / 4 - capacity_) throw std::bad_alloc();
    const bool first = block_ == nullptr;
    // Not just as much: a few bytes end what was large, and would have all of it copied once more.
    resize(std::max(size_ + size + sizeof first_, capacity_ * 2));
    if (first) std::memcpy(data_, first_, size_);
  }
  void resize(std::size_t capacity) {
    void* const larger = std::realloc(block_, sizeof(BlobNode) + capacity);
    if (larger == nullptr) throw std::bad_alloc();
    block_ = larger;
    data_ = static_cast<char*>(larger) + sizeof(BlobNode);
    capacity_ = capacity;
  }

  char first_[512];
  char* data_ = first_;
  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof first_;
  void* block_ = nullptr;
};

/// Thrown when a value turned out to hold itself where it was not expected: the message is then begun again, with a
/// memo of everything.
struct BeginAgain {};

/// Writes values of Python's one by one; the caller sees to it that they make sense together.
class Writer {
 public:
  Writer(const pickle::DumpsOptions& options, bool memoize_all)
      : protocol_(options.protocol), depth_left_(options.depth), memoize_all_(memoize_all) {
    if (protocol_ < 2 || protocol_ > pickle::HIGHEST_PROTOCOL) {
      throw ValueError("dumps: protocol " + std::to_string(protocol_) + " cannot be written, only 2 to 5");
    }
    code(opcode::PROTO, static_cast<std::uint8_t>(protocol_));
  }

  bytes finish() {
    code(opcode::STOP);
    return out_.take();
  }

  int protocol() const { return protocol_; }

  void code(unsigned char opcode) { *out_.add(1) = static_cast<char>(opcode); }
  /// An instruction and its argument, little-endian.
  template <class Argument>
  void code(unsigned char opcode, Argument argument) {
    char* const at = out_.add(1 + sizeof argument);
    *at = static_cast<char>(opcode);
    std::memcpy(at + 1, &argument, sizeof argument);
  }
  char* raw(std::size_t size) { return out_.add(size); }

  void none() { code(opcode::NONE); }
  void boolean(bool value) { code(value ? opcode::NEWTRUE : opcode::NEWFALSE); }
  void real(double value) { code(opcode::BINFLOAT, __builtin_bswap64(std::bit_cast<std::uint64_t>(value))); }
  void integer(std::int64_t value) {
    if (value >= 0 && value <= 0xff) return code(opcode::BININT1, static_cast<std::uint8_t>(value));
    if (value >= 0 && value <= 0xffff) return code(opcode::BININT2, static_cast<std::uint16_t>(value));
    if (std::in_range<std::int32_t>(value)) return code(opcode::BININT, static_cast<std::int32_t>(value));
    const auto twos = twos_of(wide_integer{value});
    big_integer(trimmed({twos.data(), twos.size()}));
  }
  void integer(std::uint64_t value) {
    if (std::in_range<std::int64_t>(value)) return integer(static_cast<std::int64_t>(value));
    const auto twos = twos_of(static_cast<wide_integer>(value));
    big_integer(trimmed({twos.data(), twos.size()}));
  }
  void big_integer(std::string_view twos) {
    if (twos.size() < 256) {
      code(opcode::LONG1, static_cast<std::uint8_t>(twos.size()));
    } else {
      if (twos.size() > 0x7fff'ffff) throw PicklingError("dumps: an int of more than 2 GiB cannot be written");
      code(opcode::LONG4, static_cast<std::int32_t>(twos.size()));
    }
    append(twos);
  }

  /// Text as it is on the wire.
  void wire_text(std::string_view text) {
    sized(text, 4, opcode::SHORT_BINUNICODE, opcode::BINUNICODE, opcode::BINUNICODE8);
  }
  /// Text in UTF-8, or whatever else a C++ string holds.
  void text(std::string_view text) {
    if (ascii_prefix(text) == text.size() || !needs_escape(text)) return wire_text(text);
    wire_text(to_wire(text));
  }

  void octets(std::string_view content) {
    if (protocol_ >= 3) return sized(content, 3, opcode::SHORT_BINBYTES, opcode::BINBYTES, opcode::BINBYTES8);
    if (content.empty()) {
      global("builtins", "bytes");
      code(opcode::EMPTY_TUPLE);
    } else {
      global("_codecs", "encode");
      latin1(content);
    }
    code(opcode::REDUCE);
  }

  void byte_array(std::string_view content) {
    if (protocol_ >= 5) {
      code(opcode::BYTEARRAY8, std::uint64_t{content.size()});
      return append(content);
    }
    global("builtins", "bytearray");
    if (protocol_ >= 3) {
      octets(content);
      code(opcode::TUPLE1);
    } else {
      latin1(content);
    }
    code(opcode::REDUCE);
  }

  /// A class or function by name. It is written out once.
  void global(std::string_view module, std::string_view name) {
    std::string key(module);
    key.append(1, '\n').append(name);
    const std::uint64_t hash = hash_text(key, 0);
    if (const Global* known = globals_.find(hash, [&](const Global& each) { return each.name == key; }))
      return recall(known->number);
    if (protocol_ >= 4) {
      wire_text(module);
      wire_text(name);
      code(opcode::STACK_GLOBAL);
    } else if (const std::size_t point = name.rfind('.'); point != name.npos) {
      inner_global(module, name.substr(0, point), name.substr(point + 1));
    } else {
      if (key.find('\n', module.size() + 1) != key.npos || module.find('\n') != module.npos) {
        throw PicklingError("dumps: a class name with a line break needs protocol 4");
      }
      code(opcode::GLOBAL);
      append(key);
      code('\n');
    }
    globals_.add(hash, {std::move(key), memoize()});
  }

  /// A name that is likely to come again: `text` must live as long as the writer.
  void name(const char* text) {
    if (const auto known = known_.find(key_of(text)); known != NumberTable::none) return recall(known);
    wire_text(text);
    known_.set(key_of(text), memoize());
  }

  /// The number of the value just written, by which it can be recalled.
  std::uint32_t memoize() {
    if (protocol_ >= 4) {
      code(opcode::MEMOIZE);
    } else if (memo_size_ < 256) {
      code(opcode::BINPUT, static_cast<std::uint8_t>(memo_size_));
    } else {
      code(opcode::LONG_BINPUT, memo_size_);
    }
    if (memo_size_ == std::numeric_limits<std::uint32_t>::max())
      throw PicklingError("dumps: more than 2^32 - 1 shared values");
    return memo_size_++;
  }
  void recall(std::uint32_t number) {
    if (number < 256) {
      code(opcode::BINGET, static_cast<std::uint8_t>(number));
    } else {
      code(opcode::LONG_BINGET, number);
    }
  }

  /// Whether `x` may be met again, and so has to be memoized.
  bool memoizes(const Node& node) const { return memoize_all_ || node.shared(); }
  void memoize(const Node& node) { known_.set(key_of(&node), memoize()); }
  bool is_known(const Node& node) const { return known_.find(key_of(&node)) != NumberTable::none; }
  /// Recalls what was memoized as `node`; false if nothing was.
  bool recall(const Node& node) {
    const auto known = known_.find(key_of(&node));
    if (known == NumberTable::none) return false;
    recall(known);
    return true;
  }

  /// What `pointer` points to, as a `type`: recalled, or by `write_new`.
  template <class Write>
  void shared(const std::shared_ptr<const void>& pointer, std::type_index type, Write write_new) {
    const auto is_it = [&](const Pointer& each) { return each.type == type; };
    if (const Pointer* known = pointers_.find(key_of(pointer.get()), is_it)) return recall(known->number);
    write_new();
    pointers_.add(key_of(pointer.get()), {pointer, type, memoize()});
  }

  /// An array.array of `content`, as array.array writes itself; since protocol 3, which has bytes.
  void array(char typecode, std::string_view content) {
    // The formats of array._array_reconstructor, little-endian.
    constexpr std::string_view typecodes = "BbHhIiQqfd";
    constexpr std::int64_t formats[] = {0, 1, 2, 4, 6, 8, 10, 12, 14, 16};
    global("array", "_array_reconstructor");
    code(opcode::MARK);
    global("array", "array");
    wire_text({&typecode, 1});
    const std::int64_t format = formats[typecodes.find(plain_typecode(typecode))];
    content.size() < worth_aligning ? integer(format) : align_after(static_cast<char>(format), content.size());
    octets(content);
    code(opcode::TUPLE);
    code(opcode::REDUCE);
  }

  /// After the top `count` values, their tuple.
  void tuple_of(std::size_t count) {
    constexpr unsigned char codes[] = {opcode::EMPTY_TUPLE, opcode::TUPLE1, opcode::TUPLE2, opcode::TUPLE3};
    code(count < std::size(codes) ? codes[count] : opcode::TUPLE);
  }
  /// Before the values of a tuple of `count`.
  void begin_tuple(std::size_t count) {
    if (count > 3) code(opcode::MARK);
  }

  void descend() {
    if (depth_left_ == 0) {
      if (!memoize_all_) throw BeginAgain();
      throw PicklingError("dumps: nested more deeply than DumpsOptions::depth allows");
    }
    --depth_left_;
  }
  void ascend() { ++depth_left_; }

  /// Keys are written so that Python can hash them: sequences as tuples, sets as frozensets.
  bool in_key() const { return in_key_; }
  bool in_key(bool is_key) { return std::exchange(in_key_, is_key); }

 private:
  /// getattr(outer class, name): below protocol 4 a global has only one name.
  void inner_global(std::string_view module, std::string_view outer, std::string_view name) {
    global("builtins", "getattr");
    global(module, outer);
    wire_text(name);
    code(opcode::TUPLE2);
    code(opcode::REDUCE);
  }

  struct Global {
    std::string name;
    std::uint32_t number;
  };
  struct Pointer {
    std::shared_ptr<const void> kept;  // so that nothing else can take its place meanwhile
    std::type_index type;
    std::uint32_t number;
  };

  static constexpr std::size_t worth_aligning = 1024;

  /// Writes a small integer longer than it has to be, so that the bytes which follow it are aligned in the message, and
  /// whoever reads them into a vector of numbers can copy them in one piece.
  void align_after(char number, std::size_t size) {
    constexpr std::size_t alignment = 8, shortest = 3;
    const std::size_t head = size <= 0xffff'ffff ? 5 : 9;  // of what follows
    const std::size_t zeros = alignment - 1 - (out_.size() + shortest + head - 1) % alignment;
    code(opcode::LONG1, static_cast<std::uint8_t>(1 + zeros));
    append({&number, 1});
    append(std::string_view("\0\0\0\0\0\0\0", zeros));
  }

  void append(std::string_view content) {
    if (!content.empty()) std::memcpy(out_.add(content.size()), content.data(), content.size());
  }

  /// `since` is the protocol that brought the instruction for the shortest.
  void sized(std::string_view content, int since, unsigned char shortest, unsigned char middle, unsigned char longest) {
    if (protocol_ >= since && content.size() < 256) {
      code(shortest, static_cast<std::uint8_t>(content.size()));
    } else if (content.size() <= 0xffff'ffff) {
      code(middle, static_cast<std::uint32_t>(content.size()));
    } else {
      if (protocol_ < 4) throw PicklingError("dumps: more than 4 GiB in one piece needs protocol 4");
      code(longest, std::uint64_t{content.size()});
    }
    append(content);
  }

  /// (text, 'latin1'): bytes as the code points of text.
  void latin1(std::string_view content) {
    std::string text;
    for (const char c : content) append_utf8(text, static_cast<unsigned char>(c));
    wire_text(text);
    wire_text("latin1");
    code(opcode::TUPLE2);
  }

  GrowingBytes out_;
  const int protocol_;
  std::size_t depth_left_;
  const bool memoize_all_;
  bool in_key_ = false;
  std::uint32_t memo_size_ = 0;
  NumberTable known_;  // by addresses
  Indexed<Global> globals_;
  Indexed<Pointer> pointers_;
};

/// One level of nesting, as long as it lives.
class WriterLevel {
 public:
  explicit WriterLevel(Writer& writer) : writer_(writer) { writer_.descend(); }
  WriterLevel(const WriterLevel&) = delete;
  ~WriterLevel() { writer_.ascend(); }

 private:
  Writer& writer_;
};

/// Writes the elements of a container between marks, in batches that Python's own stack likes.
class Batches {
 public:
  Batches(Writer& writer, unsigned char each_batch) : writer_(writer), each_batch_(each_batch) {}
  Batches(const Batches&) = delete;

  /// Before each element.
  void next() {
    if (count_ == most) finish();
    if (count_++ == 0) writer_.code(opcode::MARK);
  }
  /// After the last.
  void finish() {
    if (count_ != 0) writer_.code(each_batch_);
    count_ = 0;
  }

 private:
  static constexpr int most = 1000;

  Writer& writer_;
  const unsigned char each_batch_;
  int count_ = 0;
};

}  // namespace multiprocessing::detail
