// SPDX-License-Identifier: BSL-1.0
/// \file
/// SharedId: how a message names a descriptor.
#pragma once

#include <multiprocessing/errors.hpp>
#include <multiprocessing/object/dict.hpp>
#include <multiprocessing/object/instance.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/tuple.hpp>

#include <string>

namespace multiprocessing::detail {

/// What a message names a descriptor by: where it is to be fetched, None if it came with the message, and its number.
struct SharedId {
  object where;
  long key;

  /// As an object of Python's `multiprocessing.resource_sharer.DupFd`.
  object as_dup_fd() const {
    return instance::with_state(global("multiprocessing.resource_sharer.DupFd"), dict{{"_id", tuple{where, key}}});
  }
  /// Throws TypeError if it is none.
  static SharedId of(const object& dup_fd) {
    if (dup_fd.is<instance>()) {
      const auto sent = dup_fd.to<instance>();
      if (sent.class_name() == "multiprocessing.resource_sharer.DupFd" && sent.state().is<dict>() &&
          sent.state().contains("_id")) {
        const object id = sent.state()["_id"];
        if (id.is<tuple>() && id.size() == 2) return {id[0], id[1].to<long>()};
      }
    }
    throw TypeError("a multiprocessing.resource_sharer.DupFd is wanted");
  }
};

}  // namespace multiprocessing::detail
