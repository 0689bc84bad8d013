// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writing classes: tuples, aggregates, described classes, enums, pointers, and those that write themselves.
#pragma once

#include <multiprocessing/object/instance.hpp>
#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/python_exceptions.hpp>
#include <multiprocessing/pickle/read_class.hpp>
#include <multiprocessing/pickle/writer.hpp>

#include <multiprocessing/detail/core/type_name.hpp>

#include <boost/mp11/algorithm.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace multiprocessing::detail {

template <class T>
void write(Writer& writer, const T& x);

template <class T>
void write_tuple(Writer& writer, const T& x) {
  constexpr std::size_t count = std::tuple_size_v<T>;
  const WriterLevel level(writer);
  writer.begin_tuple(count);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    using std::get;
    (write(writer, get<I>(x)), ...);
  }
  (std::make_index_sequence<count>());
  writer.tuple_of(count);
}

/// A tuple of its members, whose names C++ cannot tell.
template <class T>
void write_aggregate(Writer& writer, const T& x) {
  if constexpr (std::is_empty_v<T>) {
    writer.code(opcode::EMPTY_TUPLE);
  } else {
    const WriterLevel level(writer);
    constexpr std::size_t count = detail::member_count<T>;
    writer.begin_tuple(count);
    detail::for_each_member(x, [&](const auto& member, std::size_t) { write(writer, member); });
    writer.tuple_of(count);
  }
}

/// The class that python_class names.
template <class T>
void write_class(Writer& writer) {
  const global named(python_class<T>);
  writer.global(named.module(), named.name());
}

/// A dict of its members by name; or an instance of the class that python_class names, with them as attributes.
template <class T>
void write_described(Writer& writer, const T& x) {
  const WriterLevel level(writer);
  constexpr bool named = !python_class<T>.empty();
  if constexpr (named) {
    write_class<T>(writer);
    writer.code(opcode::EMPTY_TUPLE);
    writer.code(opcode::NEWOBJ);
  } else if (writer.in_key()) {
    throw PicklingError("dumps: " + class_name(typeid(T)) +
                        " is sent as a dict, which Python allows in no key; name its class by python_class");
  }
  writer.code(opcode::EMPTY_DICT);
  writer.code(opcode::MARK);
  using Members =
      boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  const bool outer = writer.in_key(false);
  boost::mp11::mp_for_each<Members>([&](auto member) {
    writer.name(member.name);
    write(writer, x.*member.pointer);
  });
  writer.in_key(outer);
  writer.code(opcode::SETITEMS);
  if constexpr (named) writer.code(opcode::BUILD);
}

/// Its number; or a member of the enum.Enum that python_class names.
template <class T>
void write_enum(Writer& writer, T x) {
  const auto number = +static_cast<std::underlying_type_t<T>>(x);
  if constexpr (python_class<T>.empty()) {
    write(writer, number);
  } else {
    write_class<T>(writer);
    write(writer, number);
    writer.code(opcode::TUPLE1);
    writer.code(opcode::REDUCE);
  }
}

/// What it points to; what several shared pointers point to is written once.
template <class T>
void write_pointer(Writer& writer, const T& x) {
  using Element = std::remove_cv_t<typename T::element_type>;
  static_assert(!std::is_polymorphic_v<Element> || std::is_final_v<Element>,
                "pickle: a pointer to a base class does not say what to make on the other side; send a std::variant");
  if (x == nullptr) return writer.none();
  const WriterLevel level(writer);
  if constexpr (shared_pointer<T> && has_identity<Element>) {
    // In a key it would be written in another form.
    if (x.use_count() > 1 && !writer.in_key()) return writer.shared(x, typeid(Element), [&] { write(writer, *x); });
  }
  write(writer, *x);
}

template <class T>
void write_complex(Writer& writer, const T& x) {
  writer.global("builtins", "complex");
  writer.real(static_cast<double>(x.real()));
  writer.real(static_cast<double>(x.imag()));
  writer.code(opcode::TUPLE2);
  writer.code(opcode::REDUCE);
}

template <class T>
void write_path(Writer& writer, const T& path) {
  writer.global("pathlib", "PosixPath");
  writer.text(path.native());
  writer.code(opcode::TUPLE1);
  writer.code(opcode::REDUCE);
}

/// The Python exception nearest to it, with what() as its message; an OSError with number and text.
inline void write_exception(Writer& writer, const std::exception& error) {
  const PythonName name = python_exception(error);
  writer.global(name.module, name.name);
  if (const auto* const system = dynamic_cast<const std::system_error*>(&error)) {
    writer.integer(std::int64_t{system->code().value()});
    writer.text(error.what());
    writer.code(opcode::TUPLE2);
  } else {
    writer.text(error.what());
    writer.code(opcode::TUPLE1);
  }
  writer.code(opcode::REDUCE);
}

/// What `serialize` gets when it writes: it writes the fields that it is called with, in order.
class WriteArchive {
 public:
  static constexpr bool loading = false;

  explicit WriteArchive(Writer& writer) : writer_(writer) {}

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (write(writer_, fields), ...);
  }

 private:
  Writer& writer_;
};

/// A tuple of what its `serialize` lists.
template <class T>
void write_by_itself(Writer& writer, const T& x) {
  const WriterLevel level(writer);
  WriteArchive archive(writer);
  writer.code(opcode::MARK);
  auto& listed = const_cast<T&>(x);  // one function for both ways cannot be const; writing changes nothing
  if constexpr (has_serialize_member<T>) {
    listed.serialize(archive);
  } else {
    serialize(archive, listed);
  }
  writer.code(opcode::TUPLE);
}

}  // namespace multiprocessing::detail
