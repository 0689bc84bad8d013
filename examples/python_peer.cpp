// SPDX-License-Identifier: BSL-1.0
// A C++ program and a Python program, which has nothing installed but Python, exchange values over an authenticated
// connection. python_peer.py beside this file is the other side.
//
// Python:
//   import array, subprocess, sys
//   from multiprocessing.connection import Listener
//
//   key = b"a key that both know"
//   with Listener(authkey=key) as listener:
//       peer = subprocess.Popen([sys.executable, "python_peer.py"], stdin=subprocess.PIPE)
//       peer.stdin.write(listener.address.encode() + b"\n" + key + b"\n")
//       peer.stdin.flush()
//       with listener.accept() as connection:
//           connection.send({"station": {"name": "Zürich", "height": 556.5}, "readings": array.array("d",
//           [20.5, 21.0, 19.5])}) answer = connection.recv() print(answer["summary"]["text"]) print(answer["doubled"])
#include <multiprocessing.hpp>

#include <boost/describe/class.hpp>

#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace mp = multiprocessing;

/// What the other side answers: a dict with these two, whose types are known here.
struct Answer {
  std::map<std::string, mp::object> summary;
  std::vector<double> doubled;
};
BOOST_DESCRIBE_STRUCT(Answer, (), (summary, doubled))

int main(int argc, char** argv) {
  const std::string script = argc > 1 ? argv[1] : "python_peer.py";
  const std::string key = "a key that both know";

  mp::Listener listener({.authkey = key});

  // The key goes through a pipe: what stands on a command line or in the environment, others can read.
  std::FILE* const peer = ::popen(("python3 '" + script + "'").c_str(), "w");
  if (peer == nullptr) return 1;
  std::fprintf(peer, "%s\n%s\n", listener.address().path().c_str(), key.c_str());
  std::fflush(peer);

  mp::Connection connection = listener.accept(std::chrono::seconds(30));
  connection.send(mp::dict{{"station", mp::dict{{"name", "Zürich"}, {"height", 556.5}}},
                           {"readings", mp::object(std::vector<double>{20.5, 21.0, 19.5})}});
  const auto answer = connection.recv<Answer>();
  mp::print(answer.summary.at("text"));
  mp::print(answer.doubled);
  connection.close();
  return ::pclose(peer) == 0 ? 0 : 1;
}
