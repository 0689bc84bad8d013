// SPDX-License-Identifier: BSL-1.0
/// \file
/// dumps and loads.
#pragma once

#include <multiprocessing/object/bytes.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/pickle/options.hpp>
#include <multiprocessing/pickle/parse_instances.hpp>
#include <multiprocessing/pickle/parser.hpp>
#include <multiprocessing/pickle/read.hpp>
#include <multiprocessing/pickle/write.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace multiprocessing {

namespace pickle {

/// Python's `pickle.dumps(value)`: the bytes that `loads`, here or in any Python, makes an equal value of. What each
/// type becomes is in docs/pickle.md. Throws PicklingError for what has no form in Python.
template <class T>
bytes dumps(const T& value, DumpsOptions options = {}) {
  const auto write = [&](bool memoize_all) {
    detail::Writer writer(options, memoize_all);
    detail::write(writer, value);
    return writer.finish();
  };
  try {
    return write(false);
  } catch (const detail::BeginAgain&) {
    return write(true);
  }
}

/// Python's `pickle.loads(message)`, as a `T`; protocols 0 to 5. Nothing that the message says is ever called or
/// imported, whoever wrote it. Throws UnpicklingError if it is broken, is no `T`, or asks for more than `options`
/// allows.
template <class T = object>
T loads(std::string_view message, LoadsOptions options = {}) {
  detail::require_value_type<T>();
  detail::Message bytes(message, options);
  detail::Tape tape;
  const detail::Value value = detail::Parser(bytes, tape).parse();
  detail::TapeReading reading{bytes, options.depth};
  return detail::read<T>(detail::TapeView(value, reading));
}
template <class T = object>
T loads(std::span<const std::byte> message, LoadsOptions options = {}) {
  return loads<T>(std::string_view(reinterpret_cast<const char*>(message.data()), message.size()), options);
}
template <class T = object>
T loads(const bytes& message, LoadsOptions options = {}) {
  return loads<T>(message.view(), options);
}

}  // namespace pickle

/// Several objects at once, so that what they have in common stays so.
template <class Object>
struct detail::ObjectPickle {
  static constexpr std::size_t depth = pickle::default_depth + 1;

  using Objects = std::vector<Object>;

  /// Returns its number.
  static std::size_t add(std::shared_ptr<void>& objects, const Object& object) {
    if (objects == nullptr) objects = std::make_shared<Objects>();
    auto& all = *static_cast<Objects*>(objects.get());
    all.push_back(object);
    return all.size() - 1;
  }
  static std::string dump(const std::shared_ptr<void>& objects) {
    return std::string(pickle::dumps(*static_cast<const Objects*>(objects.get()), {.depth = depth}).view());
  }
  static std::shared_ptr<void> load(std::string_view message) {
    return std::make_shared<Objects>(pickle::loads<Objects>(message, {.depth = depth}));
  }
  template <class T>
  static T get(const std::shared_ptr<void>& objects, std::size_t number) {
    const Object& made = static_cast<const Objects*>(objects.get())->at(number);
    if constexpr (std::same_as<T, Object>) {
      return made;
    } else {
      return made.template to<T>();
    }
  }
};

template <class T>
requires detail::sent_as_object<T> object::object(const T& value)
    : object(pickle::loads<object>(pickle::dumps(value))) {}

template <class T>
T object::to() const {
  detail::ObjectReading reading;
  return detail::read<T>(detail::ObjectView(*this, reading));
}

template <class T>
bool object::is() const {
  detail::ObjectReading reading;
  return detail::fit<T>(detail::ObjectView(*this, reading)) == detail::Fit::exact;
}

// A template, so that nobody compiles all this who does not call it.
template <class Object>
Object object::deepcopy() const {
  constexpr auto depth = static_cast<std::size_t>(detail::deepest_comparison);
  return pickle::loads<Object>(pickle::dumps(static_cast<const Object&>(*this), {.depth = depth}), {.depth = depth});
}

}  // namespace multiprocessing
