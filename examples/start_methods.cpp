// SPDX-License-Identifier: BSL-1.0
// One program, three ways to start a process, while threads of the parent run.
//
// Python:
//   def work(name, total, answers):
//       with total.get_lock():
//           total.value += 1
//       answers.send(f"{current_process().name} by {name}")
//
//   if __name__ == "__main__":
//       for method in mp.get_all_start_methods():
//           ctx = mp.get_context(method)
//           total = ctx.Value("i", 0)
//           ...
#include <multiprocessing.hpp>

#include <atomic>
#include <string>
#include <thread>

namespace mp = multiprocessing;

void work(const std::string& method, mp::Value<int> total, mp::Connection answers) {
  total.value += 1;  // the parent's: a handle refers to it in every process
  answers.send(mp::current_process().name() + " by " + method);
}

int main(int argc, char** argv) {
  mp::freeze_support(argc, argv);  // first: a child by spawn, and the fork server, never get past it

  // A thread that may hold any lock of the program at any moment; a child by fork could wait for it for ever.
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) std::string(10'000, 'x');
  });
  mp::get_logger().setLevel(mp::ERROR);  // fork warns of it

  mp::Value<int> total(0);
  for (const std::string& method : mp::get_all_start_methods()) {
    const mp::Context ctx = mp::get_context(method);
    auto [answers, there] = ctx.Pipe(mp::PipeOptions{.duplex = false});
    mp::Process p = ctx.Process(mp::ProcessOptions{.name = "worker"}, work, method, total, std::move(there));
    p.start();
    mp::print(answers.recv<std::string>());
    p.join();
  }
  mp::print(total.value);

  stop = true;
  busy.join();
}
