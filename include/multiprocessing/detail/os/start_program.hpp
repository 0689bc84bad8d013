// SPDX-License-Identifier: BSL-1.0
/// \file
/// Starting a program as a child, with just the descriptors that it is given.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/inheritance.hpp>
#include <multiprocessing/detail/os/rights.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace multiprocessing::detail {

/// An anonymous file with this content.
inline Fd make_memory_file(std::string_view content) {
  check_file_size(content.size(), "what a new process needs, " + std::to_string(content.size()) + " bytes");
  Fd file(checked("memfd_create for a new process", [] { return ::memfd_create("multiprocessing-start", MFD_CLOEXEC); }));
  while (!content.empty()) {
    const ssize_t written = checked("writing what a new process needs", [&] { return ::write(file.get(), content.data(), content.size()); });
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

/// All that is in such a file.
inline std::string read_memory_file(const Fd& file) {
  std::string content(file_size(file), '\0');
  for (std::size_t at = 0; at < content.size();) {
    const ssize_t got = checked("reading what a new process needs",
                                [&] { return ::pread(file.get(), content.data() + at, content.size() - at, static_cast<off_t>(at)); });
    if (got == 0) throw_os_error(EIO, "reading what a new process needs: it was cut short");
    at += static_cast<std::size_t>(got);
  }
  return content;
}

/// The name by which this program was called.
inline std::string program_name() { return program_invocation_name == nullptr ? "" : program_invocation_name; }

/// Takes that name as the one which the system shows, in `ps` and the like: by itself it shows the last part of the path that was
/// executed, which is "exe" for /proc/self/exe.
inline void show_program_name() noexcept {
  if (const char* const name = program_invocation_short_name; name != nullptr && *name != '\0') ::prctl(PR_SET_NAME, name);
}

inline std::string working_directory() {
  for (std::string path(256, '\0');; path.resize(path.size() * 2)) {
    if (::getcwd(path.data(), path.size()) != nullptr) return path.c_str();
    if (errno != ERANGE) return {};  // it was deleted, say: then a child stays where it is
  }
}

inline void change_working_directory(const std::string& path) noexcept {
  if (!path.empty()) [[maybe_unused]] const int failed = ::chdir(path.c_str());
}

/// Starts `path`, an executable, and returns its process id. It has standard input from /dev/null, the standard output and
/// error of this process, `fds` as its descriptors from 3 on, and no others. Costs the same however large this process is:
/// its memory is not copied. Throws OSError when the program can't be started.
inline pid_t start_program(const std::string& path, const std::vector<std::string>& arguments, std::span<const int> fds) {
  constexpr int first = parcel_fd;
  const int behind = first + static_cast<int>(fds.size());
  std::vector<Fd> moved;  // those that lie where others are to be
  struct Actions {
    posix_spawn_file_actions_t list;
    Actions() { ::posix_spawn_file_actions_init(&list); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() { ::posix_spawn_file_actions_destroy(&list); }
  } actions;
  int error = ::posix_spawn_file_actions_addopen(&actions.list, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (int number = first; number != behind && error == 0; ++number) {
    int fd = fds[static_cast<std::size_t>(number - first)];
    if (fd < behind && fd != number) {
      moved.emplace_back(checked("fcntl(F_DUPFD_CLOEXEC)", [&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, behind); }));
      fd = moved.back().get();
    }
    error = ::posix_spawn_file_actions_adddup2(&actions.list, fd, number);
  }
  if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&actions.list, behind);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (error == 0) error = ::posix_spawn(&pid, path.c_str(), &actions.list, nullptr, argv.data(), environ);
  if (error != 0)
    throw_os_error(error, "posix_spawn of " + path + ": a new process could not be started", Making::process);
  return pid;
}

}  // namespace multiprocessing::detail
