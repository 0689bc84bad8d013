// SPDX-License-Identifier: BSL-1.0
/// \file
/// The nodes of the containers, and how they end.
#pragma once

#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/table.hpp>

#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The elements of a tuple; the three of a slice; module and name of a global.
struct TupleNode : Node {
  std::size_t size = 0;

  object* data() noexcept { return reinterpret_cast<object*>(this + 1); }
  std::span<object> items() noexcept { return {data(), size}; }

  static TupleNode* make(std::size_t size) {
    auto* node = new (::operator new(sizeof(TupleNode) + size * sizeof(object))) TupleNode;
    node->size = size;
    for (std::size_t i = 0; i < size; ++i) new (node->data() + i) object;
    return node;
  }
  void clear() noexcept {
    for (auto& item : items()) item = object();
  }
};
static_assert(sizeof(TupleNode) % alignof(object) == 0);

struct ListNode : Node {
  std::vector<object> items;

  void clear() noexcept { std::vector<object>().swap(items); }
};

struct BytearrayNode : Node {
  std::string content;
};

struct ArrayNode : Node {
  char typecode = 'b';
  object content;  // bytes
};

/// How Python is to make an instance again.
enum class How : unsigned char { reduce, newobj, newobj_ex };

/// What pickle tells about an instance of a class: callable(*args), or callable.__new__(callable, *args), then what is
/// appended to it, what is set in it by key, and its state. `setter`, if there is one, is called with the state.
struct InstanceNode : Node {
  How how = How::reduce;
  object callable;
  object args;      // a tuple
  object keywords;  // a dict, of newobj_ex only
  std::vector<object> items;
  std::vector<std::pair<object, object>> pairs;
  object state;
  object setter;
  bool has_state = false;  // None is a state too

  void clear() noexcept {
    callable = args = keywords = state = setter = object();
    std::vector<object>().swap(items);
    std::vector<std::pair<object, object>>().swap(pairs);
  }
};

/// Calls `use` with the node as what it is.
template <class Use>
void with_node(Kind kind, Node* node, Use use) {
  switch (kind) {
    case Kind::tuple:
    case Kind::slice:
    case Kind::global: return use(static_cast<TupleNode*>(node));
    case Kind::list: return use(static_cast<ListNode*>(node));
    case Kind::dict:
    case Kind::set:
    case Kind::frozenset: return use(static_cast<Table*>(node));
    case Kind::bytearray: return use(static_cast<BytearrayNode*>(node));
    case Kind::array: return use(static_cast<ArrayNode*>(node));
    case Kind::instance: return use(static_cast<InstanceNode*>(node));
    default: return use(static_cast<BlobNode*>(node));
  }
}

inline void free_node(Kind kind, Node* node) noexcept {
  with_node(kind, node, []<class T>(T* whole) {
    whole->~T();
    if constexpr (std::same_as<T, BlobNode>) {
      std::free(whole);
    } else {
      ::operator delete(static_cast<void*>(whole));
    }
  });
}

inline void end_node_now(Kind kind, Node* node) noexcept {
  with_node(kind, node, []<class T>(T* whole) {
    if constexpr (requires { whole->clear(); }) whole->clear();
  });
  if (node->drop_weak()) free_node(kind, node);
}

/// A list in a list in a list ... would end by as many calls inside each other as there are lists. From some depth on
/// they are put on a heap instead, which the first call empties.
inline void end_node(Kind kind, Node* node) noexcept {
  if (kind == Kind::str || kind == Kind::bytes) return end_node_now(kind, node);
  struct Ending {
    int depth = 0;
    std::vector<std::pair<Kind, Node*>> later;
  };
  // In two copies of the library each keeps its own; a thread_local with a destructor would be gone too early at exit.
  static thread_local Ending* ending = nullptr;
  constexpr int deep = 100;
  if (ending == nullptr) {
    Ending outermost;
    ending = &outermost;
    end_node_now(kind, node);
    while (!outermost.later.empty()) {
      const auto [next_kind, next] = outermost.later.back();
      outermost.later.pop_back();
      end_node_now(next_kind, next);
    }
    ending = nullptr;
  } else if (ending->depth == deep) {
    ending->later.emplace_back(kind, node);
  } else {
    ++ending->depth;
    end_node_now(kind, node);
    --ending->depth;
  }
}

}  // namespace multiprocessing::detail
