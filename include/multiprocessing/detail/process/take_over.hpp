// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a program that was started anew becomes the process that its parent wants, instead of running main.
#pragma once

#include <multiprocessing/detail/connection/passengers.hpp>
#include <multiprocessing/detail/os/inheritance.hpp>
#include <multiprocessing/detail/os/lifeline.hpp>
#include <multiprocessing/detail/os/start_program.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/process/parcel.hpp>
#include <multiprocessing/detail/process/preparation.hpp>
#include <multiprocessing/detail/runtime/bootstrap.hpp>
#include <multiprocessing/process/target.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// Whether main() of this program takes over in a child: freeze_support() was called.
inline constinit std::atomic<bool> main_takes_over{false};

/// What a program is given by whoever starts it anew. Of the descriptors the first is the lifeline.
struct Inheritance {
  std::string content;
  std::vector<Fd> fds;
};

/// What takes over; named by the parent, so that where two copies of the library are loaded it is that which started it.
using TakeOver = void (*)(Inheritance&, std::string_view parcel);

/// The work of a process that was started anew.
class SentLife final : public Life {
 public:
  SentLife(const CodeName& unpack, std::string_view message, std::vector<Fd> fds)
      : unpack_(unpack), message_(message), fds_(std::move(fds)) {}

  void run() override {
    {
      const Passengers passengers(std::move(fds_));
      work_ = reinterpret_cast<Unpack>(unpack_.find())(message_);
    }
    work_->run();
  }
  void release() override { work_.reset(); }

 private:
  const CodeName& unpack_;
  std::string_view message_;
  std::vector<Fd> fds_;
  std::unique_ptr<Work> work_;
};

/// The bytes that a new program begins with: what takes over, and what that is told.
inline std::string write_parcel(TakeOver take_over, std::string_view told, std::string_view message) {
  ParcelWriter writer;
  writer(CodeName::of(reinterpret_cast<std::uintptr_t>(take_over)));
  std::string bytes(writer.view());
  bytes.reserve(bytes.size() + told.size() + message.size());
  return bytes.append(told).append(message);
}

/// Becomes the child that the parcel describes, and ends as that.
inline void take_over_as_child(Inheritance& inheritance, std::string_view parcel) {
  ParcelReader reader(parcel);
  Preparation data;
  reader(data);
  Fd lifeline = std::move(inheritance.fds.front());
  inheritance.fds.erase(inheritance.fds.begin());
  if (!data.outlive_parent) die_with_parent(lifeline);
  main_takes_over = true;
  the_arena();  // at once: descriptors may be closed by the program
  become_main(data.apply(), std::move(lifeline));
  SentLife life(data.unpack, reader.rest(), std::move(inheritance.fds));
  live_as_main(life);
}

/// If this program was started anew by a start method: becomes what it is to be, and never returns.
inline void take_over(int argc, char** argv) {
  constexpr std::string_view count = "fds=";
  if (argc != 3 || std::string_view(argv[1]) != spawn_marker || !std::string_view(argv[2]).starts_with(count)) return;
  try {
    mark_main();
    show_program_name();
    const int number = std::stoi(argv[2] + count.size());
    Inheritance inheritance;
    // The arena stays where it is until someone uses it: a static may have done so before main, and has its own then.
    for (int fd = lifeline_fd; fd < parcel_fd + number; ++fd) inheritance.fds.push_back(close_on_exec(fd));
    inheritance.content = read_memory_file(close_on_exec(parcel_fd));
    static_cast<void>(close_on_exec(arena_fd).release());
    ParcelReader reader(inheritance.content);
    CodeName name;
    reader(name);
    reinterpret_cast<TakeOver>(name.find())(inheritance, reader.rest());
  } catch (...) {
    report_current_exception("A process that was started anew could not become what its parent wanted:");
  }
  exit_program(1);
}

}  // namespace multiprocessing::detail
