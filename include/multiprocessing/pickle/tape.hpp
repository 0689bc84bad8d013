// SPDX-License-Identifier: BSL-1.0
/// \file
/// Tape: what a message says, before it is made into objects or into C++ values.
#pragma once

#include <multiprocessing/object/nodes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

struct Body;
struct InstanceBody;

/// One value of a message: a number, text where it lies in the message, or a body on the tape. Lives as long as both.
struct Value {
  std::uint64_t kind : 6;    // a Kind
  std::uint64_t big : 1;     // an integer of more than 8 bytes, in `text`
  std::uint64_t in_run : 1;  // a number of a run: `extra` is its address
  std::uint64_t extra : 56;  // the length of text; of anything but text and bodies, its offset in the message
  union {
    std::int64_t integer;
    double real;
    const char* text;
    Body* body;
  };

  Kind what() const { return static_cast<Kind>(kind); }
  std::string_view view() const { return {text, static_cast<std::size_t>(extra)}; }
  const InstanceBody& instance() const;
};
static_assert(sizeof(Value) == 16 && std::is_trivially_copyable_v<Value>);

/// A list of numbers, as most long lists are, is not taken apart: the numbers of a batch stay in the message, and one
/// value stands for all of them. `extra` is how many they are, `text` where the first instruction begins.
inline constexpr Kind run_kind = static_cast<Kind>(0x3f);

/// Takes the next number off a run.
Value next_of_run(const char*& at);

/// Values side by side on the tape. What shares another body's values owns no room of its own: capacity is 0.
struct Items {
  Value* data = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;
  std::size_t in_runs = 0;  // values that are not here beside those that stand for them

  std::size_t count() const { return size + in_runs; }
  /// Where there are no runs: everywhere but in a list and what is made of one.
  const Value& operator[](std::size_t at) const { return data[at]; }
  /// The value at `place`; slow where there are runs.
  Value nth(std::size_t place) const {
    if (in_runs == 0) return data[place];
    Value found = data[0];
    std::size_t at = 0;
    each([&](const Value& value) {
      if (at++ == place) found = value;
    });
    return found;
  }
  template <class Use>
  void each(Use use) const {
    for (std::size_t i = 0; i < size; ++i) {
      if (data[i].what() != run_kind) {
        use(data[i]);
        continue;
      }
      const char* at = data[i].text;
      for (std::size_t left = data[i].extra; left > 0; --left) use(next_of_run(at));
    }
  }
};

/// A container. Of a dict the items are key, value, key, value; of a bytearray or array one, its content; of a global
/// two, its module and its name.
struct Body {
  std::size_t offset = 0;
  Items items;
  std::uint32_t made = 0;  // 1 + the number under which the object made of it is kept
  bool shared = false;     // more than one place in the message refers to it
  bool open = false;       // while it is being made into an object
  bool swapped = false;    // of an array: its numbers are big-endian
  char typecode = 0;       // of an array
};

/// An instance; see InstanceNode. The items are what is appended.
struct InstanceBody : Body {
  How how = How::reduce;
  bool has_state = false;
  Value callable, args, keywords, state, setter;
  Items pairs;
};

inline const InstanceBody& Value::instance() const { return *static_cast<const InstanceBody*>(body); }

/// Memory that may grow where it lies: what new pages a large block needs, the kernel moves or adds.
inline void* grown(void* block, std::size_t size) {
  void* const larger = std::realloc(block, size);
  if (larger == nullptr) throw std::bad_alloc();
  return larger;
}

/// An array of trivial elements that begins on the stack.
template <class T, std::size_t Inline>
class Growing {
 public:
  Growing() = default;
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;
  ~Growing() { std::free(heap_); }

  void push(T value) {  // by value, for it may lie in here
    if (size_ == capacity_) grow();
    new (data_ + size_++) T(value);
  }
  T& top() { return data_[size_ - 1]; }
  T& operator[](std::size_t at) { return data_[at]; }
  void shrink(std::size_t size) { size_ = size; }
  std::size_t size() const { return size_; }
  T* data() { return data_; }

 private:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  void grow() {
    const bool first = heap_ == nullptr;
    heap_ = grown(heap_, capacity_ * 2 * sizeof(T));
    if (first) std::memcpy(heap_, first_, sizeof first_);
    data_ = static_cast<T*>(heap_);
    capacity_ *= 2;
  }

  alignas(T) std::byte first_[Inline * sizeof(T)];
  void* heap_ = nullptr;
  T* data_ = reinterpret_cast<T*>(first_);
  std::size_t size_ = 0;
  std::size_t capacity_ = Inline;
};

/// Memory that is taken piece by piece and given back as a whole.
class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  ~Tape() {
    for (void* block : blocks_) std::free(block);
  }

  template <class T>
  T* make() {
    return new (take(sizeof(T))) T;
  }
  char* take_text(std::size_t size) { return static_cast<char*>(take((size + 7) & ~std::size_t{7})); }

  void append(Items& items, const Value* from, std::size_t count) {
    if (items.size + count > items.capacity) grow(items, items.size + count);
    std::memcpy(static_cast<void*>(items.data + items.size), from, count * sizeof(Value));
    items.size += count;
  }

 private:
  static constexpr std::size_t large = 1024;  // values, from which on they have a block of their own

  void* take(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) next_chunk(size);
    return std::exchange(at_, at_ + size);
  }

  void grow(Items& items, std::size_t size) {
    const std::size_t capacity = items.size == 0 ? size : size + size / 2;
    const bool in_block = items.capacity >= large;
    if (capacity >= large && in_block) {
      items.data = values_of(block_again(items.data, bytes_of_block(capacity)));
    } else {
      auto* const data = capacity >= large ? values_of(new_block(bytes_of_block(capacity)))
                                           : static_cast<Value*>(take(capacity * sizeof(Value)));
      if (items.size != 0) std::memcpy(static_cast<void*>(data), items.data, items.size * sizeof(Value));
      items.data = data;
    }
    items.capacity = capacity;
  }

  // A block begins with its place in blocks_.
  static constexpr std::size_t head = sizeof(Value);
  static std::size_t bytes_of_block(std::size_t values) { return head + values * sizeof(Value); }
  static Value* values_of(void* block) { return reinterpret_cast<Value*>(static_cast<std::byte*>(block) + head); }

  void* new_block(std::size_t bytes) {
    const std::size_t place = blocks_.size();
    blocks_.push_back(nullptr);
    blocks_[place] = grown(nullptr, bytes);
    std::memcpy(blocks_[place], &place, sizeof place);
    return blocks_[place];
  }
  void* block_again(Value* values, std::size_t bytes) {
    void* const block = reinterpret_cast<std::byte*>(values) - head;
    std::size_t place = 0;
    std::memcpy(&place, block, sizeof place);
    return blocks_[place] = grown(block, bytes);
  }

  void next_chunk(std::size_t size) {
    const std::size_t chunk = std::max(next_size_, size);
    at_ = static_cast<std::byte*>(new_block(head + chunk)) + head;
    end_ = at_ + chunk;
    next_size_ = std::min<std::size_t>(next_size_ * 2, std::size_t{1} << 20);
  }

  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t next_size_ = 2048;
  std::vector<void*> blocks_;
};

}  // namespace multiprocessing::detail
