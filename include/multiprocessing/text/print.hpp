// SPDX-License-Identifier: BSL-1.0
/// \file
/// print: a line of text in one piece.
#pragma once

#include <multiprocessing/detail/os/write.hpp>
#include <multiprocessing/detail/text/append.hpp>
#include <multiprocessing/errors.hpp>

#include <ext/stdio_filebuf.h>
#include <ext/stdio_sync_filebuf.h>

#include <concepts>
#include <iostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace multiprocessing {

/// The keyword arguments of Python's `print`.
struct PrintOptions {
  std::string sep = " ";         ///< between the arguments
  std::string end = "\n";        ///< after the last
  std::ostream* file = nullptr;  ///< where to; standard output if absent
  bool flush = false;            ///< whether a `file` is flushed; standard output always is
};

namespace detail {

/// Whether std::cout still ends in the process's standard output, with or without sync_with_stdio(false).
inline bool cout_is_stdout() {
  auto* const buffer = std::cout.rdbuf();
  if (auto* synced = dynamic_cast<__gnu_cxx::stdio_sync_filebuf<char>*>(buffer)) return synced->file() == stdout;
  if (auto* own = dynamic_cast<__gnu_cxx::stdio_filebuf<char>*>(buffer)) return own->file() == stdout;
  return false;
}

inline void print_line(std::string_view line, std::ostream* file, bool flush) {
  if ((file == nullptr || file == &std::cout) && cout_is_stdout()) {
    return write_stdout(line, [] { return std::cout.rdbuf()->pubsync(); });
  }
  std::ostream& stream = file == nullptr ? std::cout : *file;
  stream.write(line.data(), static_cast<std::streamsize>(line.size()));
  if (flush) stream.flush();
  if (!stream) throw OSError(std::make_error_code(std::io_errc::stream), "print: the stream did not take the text");
}

}  // namespace detail

/// Python's `print(*values, sep=, end=, file=, flush=)`: `mp::print({.sep = ", ", .end = "!\n"}, 1, 2)`.
///
/// Strings are shown as they are, everything else as repr() says. The line leaves in one `write`, after all that
/// std::cout and stdio still hold, so that lines of several processes do not mix (in a pipe: lines of up to 4096
/// bytes). A std::cout with another buffer, and `file`, get it in one insertion. Throws OSError when the text cannot be
/// written, and BrokenPipeError when nobody reads any more; SIGPIPE is not raised.
template <class... Values>
void print(const PrintOptions& options, const Values&... values) {
  std::string line;
  [[maybe_unused]] bool first = true;
  ((std::exchange(first, false) ? line : line += options.sep, detail::append_text<detail::Style::str>(line, values)),
   ...);
  line += options.end;
  detail::print_line(line, options.file, options.flush);
}

template <class... Values>
requires(!(std::same_as<Values, PrintOptions> || ...)) void print(const Values&... values) {
  multiprocessing::print(PrintOptions{}, values...);
}

}  // namespace multiprocessing
