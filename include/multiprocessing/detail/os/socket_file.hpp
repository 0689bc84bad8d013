// SPDX-License-Identifier: BSL-1.0
/// \file
/// The files of Unix sockets: a folder that nobody else can enter, and its end.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/resolve.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// Makes a folder with mode 0700 and a name that nobody else has, as Python does: `/tmp/pymp-ab12cd`. `longest_name` is
/// that of the sockets in it.
inline std::string make_socket_folder(std::size_t longest_name) {
  constexpr const char* fallback = "/tmp";
  const char* const asked = std::getenv("TMPDIR");
  std::string folder = std::string(asked == nullptr || *asked == '\0' ? fallback : asked) + "/pymp-XXXXXX";
  if (folder.size() + 1 + longest_name > longest_socket_path) folder = std::string(fallback) + "/pymp-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr)
    throw_os_error(errno, "Listener: can't make the folder " + folder + " for its socket");
  return folder;
}

/// Owns the file of a Unix socket, and the folder made for it if there is one; deletes both, in the process that made
/// them.
class SocketFile {
 public:
  SocketFile() = default;
  SocketFile(std::string path, std::string folder)
      : path_(std::move(path)), folder_(std::move(folder)), maker_(::getpid()) {}
  SocketFile(SocketFile&& other) noexcept { swap(other); }
  SocketFile& operator=(SocketFile other) noexcept {
    swap(other);
    return *this;
  }
  ~SocketFile() {
    if (maker_ != ::getpid()) return;
    ::unlink(path_.c_str());  // should someone have been faster, there is nothing left to do
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }

 private:
  void swap(SocketFile& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(folder_, other.folder_);
    std::swap(maker_, other.maker_);
  }

  std::string path_;
  std::string folder_;
  pid_t maker_ = 0;  // 0: there is none
};

}  // namespace multiprocessing::detail
