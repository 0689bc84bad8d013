// SPDX-License-Identifier: BSL-1.0
/// \file
/// Messages between processes, also of other programs, languages and machines: the names, meanings and bytes of
/// Python's `multiprocessing.connection`.
#pragma once

#include <multiprocessing/connection/address.hpp>           // IWYU pragma: export
#include <multiprocessing/connection/authentication.hpp>    // IWYU pragma: export
#include <multiprocessing/connection/buffer_too_short.hpp>  // IWYU pragma: export
#include <multiprocessing/connection/client.hpp>            // IWYU pragma: export
#include <multiprocessing/connection/connection.hpp>        // IWYU pragma: export
#include <multiprocessing/connection/listener.hpp>          // IWYU pragma: export
#include <multiprocessing/connection/options.hpp>           // IWYU pragma: export
#include <multiprocessing/connection/pipe.hpp>              // IWYU pragma: export
#include <multiprocessing/connection/wait.hpp>              // IWYU pragma: export

namespace multiprocessing::connection {

using multiprocessing::Address;
using multiprocessing::Client;
using multiprocessing::Connection;
using multiprocessing::Listener;
using multiprocessing::Pipe;

}  // namespace multiprocessing::connection
