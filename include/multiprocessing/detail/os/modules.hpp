// SPDX-License-Identifier: BSL-1.0
/// \file
/// The program and the shared libraries that this process has loaded, and where in them an address lies.
#pragma once

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// One of them. A load address of 0 is that of a program that is not position-independent.
struct Module {
  std::string path;      // empty: the program itself
  std::string build_id;  // in hex; of a file without one its place, size and time
  std::uintptr_t base = 0;
};

namespace modules {

inline bool holds(const dl_phdr_info& info, std::uintptr_t address) noexcept {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && address - (info.dlpi_addr + segment.p_vaddr) < segment.p_memsz) return true;
  }
  return false;
}

inline std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.append({digits[bytes[i] >> 4], digits[bytes[i] & 15]});
  return text;
}

// The note that the linker writes, from memory.
inline std::string build_id_note(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const std::size_t alignment = segment.p_align == 8 ? 8 : 4;
    const auto round = [&](std::size_t size) { return (size + alignment - 1) / alignment * alignment; };
    const auto* at = reinterpret_cast<const unsigned char*>(info.dlpi_addr + segment.p_vaddr);
    const auto* const end = at + segment.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const auto* const name = at + sizeof note;
      const auto* const content = name + round(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        return hex(content, note.n_descsz);
      at = content + round(note.n_descsz);
    }
  }
  return {};
}

inline std::string identity_of_file(const char* path) {
  struct stat file {};
  if (::stat(path, &file) != 0) return "unknown";
  char text[96];
  std::snprintf(text, sizeof text, "file-%llx-%llx-%llx-%llx.%lx", static_cast<unsigned long long>(file.st_dev),
                static_cast<unsigned long long>(file.st_ino), static_cast<unsigned long long>(file.st_size),
                static_cast<unsigned long long>(file.st_mtim.tv_sec), static_cast<unsigned long>(file.st_mtim.tv_nsec));
  return text;
}

inline Module describe(const dl_phdr_info& info) {
  Module module{info.dlpi_name, build_id_note(info), info.dlpi_addr};
  if (module.build_id.empty()) module.build_id = identity_of_file(module.path.empty() ? "/proc/self/exe" : module.path.c_str());
  return module;
}

/// The first module that `wanted(info)` is true of.
template <class Wanted>
std::optional<Module> find(Wanted wanted) {
  struct Search {
    Wanted& wanted;
    std::optional<Module> found;
  } search{wanted, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& inside = *static_cast<Search*>(data);
        if (!inside.wanted(*info)) return 0;
        inside.found = describe(*info);
        return 1;
      },
      &search);
  return std::move(search.found);
}

}  // namespace modules

/// The module in which `address` lies; absent for code that was made at run time.
inline std::optional<Module> module_of(std::uintptr_t address) {
  return modules::find([&](const dl_phdr_info& info) { return modules::holds(info, address); });
}

/// The loaded module of that path; empty for the program itself.
inline std::optional<Module> loaded_module(std::string_view path) {
  bool first = true;  // the program itself is listed first, whatever its name is
  return modules::find([&](const dl_phdr_info& info) {
    return std::exchange(first, false) ? path.empty() : !path.empty() && path == info.dlpi_name;
  });
}

/// Loads a shared library for the life of the process; returns why not, or nothing.
inline std::string load_module(const std::string& path) {
  if (::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return {};
  const char* const why = ::dlerror();
  return why == nullptr ? "dlopen failed" : why;
}

}  // namespace multiprocessing::detail
