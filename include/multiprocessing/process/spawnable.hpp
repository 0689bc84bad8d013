// SPDX-License-Identifier: BSL-1.0
/// \file
/// Spawnable: what a class derives from to be a Process that is started by any method.
#pragma once

#include <multiprocessing/detail/process/carriable.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/process/package.hpp>
#include <multiprocessing/detail/process/parcel.hpp>
#include <multiprocessing/process/process.hpp>
#include <multiprocessing/process/target.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace multiprocessing {

namespace detail {

template <class Class>
Class class_of_member(void (Class::*)(AnyArchive&));

/// A class that has the serialize() of its base, which knows nothing of its own members.
template <class T>
concept inherits_serialize = requires {
  requires !std::same_as<decltype(class_of_member(&T::template serialize<AnyArchive>)), T>;
};

}  // namespace detail

/// A Process whose class overrides run(), and whose objects "spawn" and "forkserver" can make again in the child: there it is
/// default-constructed and given its members.
///
///     class Worker : public mp::Spawnable<Worker> {
///      public:
///       Worker() = default;
///       explicit Worker(int n) : n_(n) {}
///       void run() override { ... }
///       template <class Archive>
///       void serialize(Archive& archive) { archive(n_, lock_); }  // or describe the class; without members neither is needed
///      ...
///
/// A class that derives from Worker and is to be sent as well says so by itself: `Special : public mp::Spawnable<Special,
/// Worker>`; its serialize() lists all, beginning with Worker::serialize(archive).
template <class Derived, class Base = Process>
class Spawnable : public Base {
 public:
  using Base::Base;
  Spawnable() = default;

 protected:
  void pack_object(detail::Package& package) const override {
    if (typeid(*this) != typeid(Derived)) return Process::pack_object(package);  // which refuses it
    detail::CodeName unpack_target;
    std::string target;
    if (this->has_target()) {
      this->pack_target(package);
      unpack_target = package.unpack();
      target = package.message();
    }
    detail::ParcelWriter writer;
    writer(unpack_target, target);
    visit_members(writer, const_cast<Derived&>(static_cast<const Derived&>(*this)));  // writing changes nothing
    package.pack(&unpack, writer.finish());
  }

 private:
  /// The object in the child, as its work.
  class Received final : public detail::Work {
   public:
    void run() override { process.run(); }
    void pack(detail::Package&) const override {}  // it is there already

    Derived process;
  };

  static std::unique_ptr<detail::Work> unpack(std::string_view message) {
    detail::ParcelReader reader = detail::ParcelReader::of_finished(message);
    detail::CodeName unpack_target;
    std::string target;
    reader(unpack_target, target);
    detail::receiving_process = true;
    auto received = std::make_unique<Received>();
    visit_members(reader, received->process);
    if (!unpack_target.build_id.empty())
      static_cast<Spawnable&>(received->process).unpack_target_by(reinterpret_cast<detail::Unpack>(unpack_target.find()), target);
    return received;
  }

  template <class Archive>
  static void visit_members(Archive& archive, Derived& derived) {
    static_assert(std::default_initializable<Derived>, "Spawnable: the class needs a default constructor, to be made in the child");
    if constexpr (detail::sends_itself<Derived>) {
      static_assert(!detail::inherits_serialize<Derived> || sizeof(Derived) == sizeof(Spawnable),
                    "Spawnable: the class has members that the serialize() of its base does not list: give it its own, which "
                    "calls that of the base first");
      detail::list_fields(archive, derived);
    } else if constexpr (detail::described_class<Derived>) {
      detail::each_described(derived, archive);
    } else {
      static_assert(sizeof(Derived) == sizeof(Spawnable),
                    "Spawnable: list the members of the class, which the child's object is to have: template <class Archive> "
                    "void serialize(Archive& archive) { archive(member_, other_); }");
    }
  }
};

}  // namespace multiprocessing
