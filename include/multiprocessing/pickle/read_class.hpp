// SPDX-License-Identifier: BSL-1.0
/// \file
/// Reading classes: objects, tuples, aggregates, described classes, and those that read themselves.
#pragma once

#include <multiprocessing/object/array.hpp>
#include <multiprocessing/object/bytes.hpp>
#include <multiprocessing/object/dict.hpp>
#include <multiprocessing/object/instance.hpp>
#include <multiprocessing/object/int.hpp>
#include <multiprocessing/object/list.hpp>
#include <multiprocessing/object/set.hpp>
#include <multiprocessing/object/tuple.hpp>
#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/read_container.hpp>
#include <multiprocessing/pickle/view.hpp>

#include <multiprocessing/detail/core/type_name.hpp>

#include <boost/mp11/algorithm.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

template <class T>
consteval auto none_value() {
  if constexpr (std::same_as<T, std::nullopt_t>) {
    return std::nullopt;
  } else {
    return T();
  }
}

/// The kind of object that a class stands for.
template <class T>
inline constexpr Kind kind_of_class = Kind::none;
template <>
inline constexpr Kind kind_of_class<int_> = Kind::integer;
template <>
inline constexpr Kind kind_of_class<bytes> = Kind::bytes;
template <>
inline constexpr Kind kind_of_class<bytearray> = Kind::bytearray;
template <>
inline constexpr Kind kind_of_class<list> = Kind::list;
template <>
inline constexpr Kind kind_of_class<tuple> = Kind::tuple;
template <>
inline constexpr Kind kind_of_class<slice> = Kind::slice;
template <>
inline constexpr Kind kind_of_class<dict> = Kind::dict;
template <>
inline constexpr Kind kind_of_class<set> = Kind::set;
template <>
inline constexpr Kind kind_of_class<frozenset> = Kind::frozenset;
template <>
inline constexpr Kind kind_of_class<array> = Kind::array;
template <>
inline constexpr Kind kind_of_class<global> = Kind::global;
template <>
inline constexpr Kind kind_of_class<instance> = Kind::instance;

/// An object of just the kind that `T` is; it is taken over, whatever a fresh `T` would be.
template <class T, class View>
T read_object_of(const View& view) {
  static_assert(sizeof(T) == sizeof(object) && kind_of_class<T> != Kind::none,
                "loads: T derives from object, read an object");
  if (view.kind() != kind_of_class<T>) view.refuse(words_for(kind_of_class<T>));
  return T(Known(), view.make_object());
}

/// The members of a tuple, one after the other; also of a list, and of a namedtuple, which is made of its members.
template <class View>
View members_of(const View& view, std::size_t count) {
  View members = view;
  if (view.kind() == Kind::instance && view.how() == How::newobj && view.args().size() != 0) members = view.args();
  if (members.kind() != Kind::tuple && members.kind() != Kind::list) {
    view.refuse("a tuple of " + std::to_string(count));
  }
  if (members.size() != count) {
    view.refuse_value("a tuple of " + std::to_string(count) + " is wanted, not of " + std::to_string(members.size()));
  }
  view.spend_values(count);
  return members;
}

template <class T, class View>
T read_tuple(const View& view) {
  constexpr std::size_t count = std::tuple_size_v<T>;
  const View members = members_of(view, count);
  const Level level = view.descend();
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return T{read<std::remove_cv_t<std::tuple_element_t<I, T>>>(members.item(I))...};
  }
  (std::make_index_sequence<count>());
}

template <class T, class View>
T read_aggregate(const View& view) {
  if constexpr (std::is_empty_v<T>) {
    members_of(view, 0);
    return T{};
  } else {
    constexpr std::size_t count = detail::member_count<T>;
    const View members = members_of(view, count);
    const Level level = view.descend();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{read<std::remove_cv_t<detail::member_t<I, T>>>(members.item(I))...};
    }
    (std::make_index_sequence<count>());
  }
}

/// Throws unless the instance is of the class that python_class names, if it names one.
template <class T, class View>
void require_class(const View& view) {
  if constexpr (!python_class<T>.empty()) {
    const global wanted(python_class<T>);
    const auto callable = view.callable();
    if (callable.kind() != Kind::global || callable.module() != wanted.module() || callable.name() != wanted.name()) {
      view.refuse(std::string(python_class<T>));
    }
  }
}

/// The attributes of an instance: its state, which is a dict, or (dict or None, dict of slots).
template <class View, class Use>
void each_attribute(const View& view, Use use) {
  if (view.kind() == Kind::dict) return view.each_pair(use);
  const View state = view.state();
  if (state.kind() == Kind::dict) return state.each_pair(use);
  const bool slots = state.kind() == Kind::tuple && state.size() == 2;
  if (!slots) view.refuse("an object with attributes");
  for (std::size_t i = 0; i < 2; ++i) {
    if (state.item(i).kind() == Kind::dict) state.item(i).each_pair(use);
  }
}

/// A dict of the members, or an instance with them as attributes. All must be there; what else is there is not looked
/// at.
template <class T, class View>
T read_described(const View& view) {
  static_assert(std::default_initializable<T>, "loads: T needs a default constructor, to be filled member by member");
  if (view.kind() == Kind::instance) {
    require_class<T>(view);
  } else if (view.kind() != Kind::dict) {
    view.refuse("a dict of the members of " + class_name(typeid(T)));
  }
  const Level level = view.descend();
  using Members =
      boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  T made;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    using Member = std::remove_cvref_t<decltype(made.*member.pointer)>;
    view.spend_values(1);
    bool found = false;
    each_attribute(view, [&](const View& key, const View& value) {
      if (found || key.kind() != Kind::str || key.text() != member.name) return;
      made.*member.pointer = read<Member>(value);
      found = true;
    });
    if (!found)
      view.refuse_value("the member '" + std::string(member.name) + "' of " + class_name(typeid(T)) + " is missing");
  });
  return made;
}

/// What `serialize` gets when it reads: it fills the fields that it is called with, in order.
template <class View>
class ReadArchive {
 public:
  static constexpr bool loading = true;

  explicit ReadArchive(const View& fields) : fields_(fields) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    ((fields = read<Fields>(next())), ...);
  }
  /// Throws if fields are left over.
  void finish() const {
    if (at_ != fields_.size()) fields_.refuse_value("a tuple of " + std::to_string(at_) + " is wanted");
  }

 private:
  View next() {
    if (at_ == fields_.size()) fields_.refuse_value("more than " + std::to_string(at_) + " values are wanted");
    return fields_.item(at_++);
  }

  View fields_;
  std::size_t at_ = 0;
};

template <class T, class View>
T read_by_itself(const View& view) {
  static_assert(std::default_initializable<T>, "loads: T needs a default constructor, to be filled by its serialize()");
  if (view.kind() != Kind::tuple) view.refuse("a tuple");
  const Level level = view.descend();
  view.spend_values(view.size());
  T made;
  ReadArchive<View> archive(view);
  if constexpr (has_serialize_member<T>) {
    made.serialize(archive);
  } else {
    serialize(archive, made);
  }
  archive.finish();
  return made;
}

/// What the type makes of the object that was sent for it. A TypeError or ValueError says that it is none of its own.
template <class T, class View>
T read_reduced(const View& view) {
  const object sent = view.make_object();
  try {
    return T::rebuild(sent);
  } catch (const TypeError& error) {
    view.refuse_value(error.what());
  } catch (const ValueError& error) {
    view.refuse_value(error.what());
  }
}

/// Answers a type that cannot be sent by the sentence that helps.
template <class T>
void refuse_type() {
  constexpr bool refers = std::is_pointer_v<T> || reference_class<T>;
  static_assert(always_false<T> || !function_like<T>,
                "pickle: a function cannot be sent: send what it would return, or name one of Python's by mp::global");
  static_assert(always_false<T> || !refers || function_like<T>,
                "pickle: a pointer means nothing in another process: send what it points to, or a smart pointer to it");
  static_assert(always_false<T> || !std::is_aggregate_v<T> || function_like<T>,
                "pickle: T has a C array, a base class or over 100 members, so those cannot be listed: describe it, "
                "BOOST_DESCRIBE_STRUCT(T, (bases), (members)), or use std::array");
  static_assert(always_false<T> || std::is_aggregate_v<T> || refers || function_like<T>,
                "pickle: T cannot be sent: describe its members, BOOST_DESCRIBE_CLASS(...), or give it one function, "
                "template <class Archive> void serialize(Archive& archive) { archive(member_, other_); }");
}

}  // namespace multiprocessing::detail
