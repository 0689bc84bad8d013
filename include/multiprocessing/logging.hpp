// SPDX-License-Identifier: BSL-1.0
/// \file
/// The library's logger, as Python's `multiprocessing.get_logger` gives it.
#pragma once

#include <multiprocessing/detail/os/stdio.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>

#include <array>
#include <atomic>
#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

// Many a build or header defines these as macros (-DDEBUG); it can include this file all the same, and then spells
// such a level as text: log_to_stderr("DEBUG").
#pragma push_macro("NOTSET")
#pragma push_macro("DEBUG")
#pragma push_macro("INFO")
#pragma push_macro("WARNING")
#pragma push_macro("ERROR")
#pragma push_macro("CRITICAL")
#undef NOTSET
#undef DEBUG
#undef INFO
#undef WARNING
#undef ERROR
#undef CRITICAL

namespace multiprocessing {

/// How much a message matters: Python's numbers. The higher, the more.
inline constexpr int NOTSET = 0;
inline constexpr int SUBDEBUG = 5;
inline constexpr int DEBUG = 10;
inline constexpr int INFO = 20;
inline constexpr int SUBWARNING = 25;
inline constexpr int WARNING = 30;
inline constexpr int ERROR = 40;
inline constexpr int CRITICAL = 50;

/// A level by its number or by Python's name; throws ValueError for a name that it does not know.
class LogLevel {
 public:
  constexpr LogLevel(int level) : level_(level) {}
  LogLevel(const char* name) : LogLevel(std::string_view(name)) {}
  LogLevel(const std::string& name) : LogLevel(std::string_view(name)) {}
  LogLevel(std::string_view name) {
    for (const auto& [level, known] : names) {
      if (name == known) {
        level_ = level;
        return;
      }
    }
    throw ValueError("Unknown level: '" + std::string(name) +
                     "'; levels are NOTSET, DEBUG, INFO, WARNING, ERROR, CRITICAL");
  }

  constexpr operator int() const { return level_; }

  /// Python's text for it: "INFO", and "Level 5" where Python has no name.
  std::string name() const {
    for (const auto& [level, known] : names) {
      if (level == level_) return std::string(known);
    }
    return "Level " + std::to_string(level_);
  }

 private:
  static constexpr std::array<std::pair<int, std::string_view>, 6> names{{{NOTSET, "NOTSET"},
                                                                          {DEBUG, "DEBUG"},
                                                                          {INFO, "INFO"},
                                                                          {WARNING, "WARNING"},
                                                                          {ERROR, "ERROR"},
                                                                          {CRITICAL, "CRITICAL"}}};
  int level_ = NOTSET;
};

/// One message, as handlers see it; the names are those of Python's LogRecord.
struct LogRecord {
  int levelno = NOTSET;
  std::string levelname;
  std::string processName;
  int process = 0;  // the pid
  std::string message;
};

/// Python's DEFAULT_LOGGING_FORMAT, `[%(levelname)s/%(processName)s] %(message)s`.
inline std::string format(const LogRecord& record) {
  return '[' + record.levelname + '/' + record.processName + "] " + record.message;
}

/// The library's logger; the counterpart of Python's logger "multiprocessing".
///
/// As in Python, messages below WARNING are dropped until setLevel() asks for them, and as long as there is no handler,
/// messages from WARNING on are written to stderr.
///
/// Threads: every member may be called from any thread.
/// Fork:    a child has the level and the handlers of its parent.
class Logger {
 public:
  using Handler = std::function<void(const LogRecord&)>;

  Logger() = default;
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  ~Logger();

  void setLevel(LogLevel level) { level_ = level; }
  int getEffectiveLevel() const { return level_ == NOTSET ? WARNING : level_.load(); }
  bool isEnabledFor(LogLevel level) const { return level >= getEffectiveLevel(); }

  /// Adds a function to call with every message that is enabled, in the thread that logs it.
  void addHandler(Handler handler);
  bool hasHandlers() const { return first_ != nullptr; }
  /// Whether log_to_stderr() was called: what a process that is started anew inherits, besides the level.
  bool writesToStderr() const { return writes_to_stderr_; }

  /// Logs `message`. Never throws: what a handler throws is reported on stderr.
  void log(LogLevel level, std::string_view message) noexcept;

  void debug(std::string_view message) noexcept { log(DEBUG, message); }
  void info(std::string_view message) noexcept { log(INFO, message); }
  void warning(std::string_view message) noexcept { log(WARNING, message); }
  void error(std::string_view message) noexcept { log(ERROR, message); }
  void critical(std::string_view message) noexcept { log(CRITICAL, message); }

 private:
  friend Logger& log_to_stderr(LogLevel);

  struct Link {
    Handler handler;
    std::atomic<Link*> next = nullptr;
  };

  std::atomic<int> level_ = NOTSET;
  // A list that only grows, so that it is whole in a child, whatever other threads did at the fork.
  std::atomic<Link*> first_ = nullptr;
  std::atomic<bool> writes_to_stderr_ = false;
};

/// The logger that the library itself writes to.
inline Logger& get_logger() {
  static Logger& logger = *new Logger();  // never destroyed: exit handlers log, too
  return logger;
}

/// Adds a handler that writes each message to stderr as one line, `[INFO/Process-1] text`, in one write; a second
/// call adds no second one. Sets the level, unless it is NOTSET.
inline Logger& log_to_stderr(LogLevel level = NOTSET) {
  Logger& logger = get_logger();
  if (!logger.writes_to_stderr_.exchange(true))
    logger.addHandler([](const LogRecord& record) { detail::write_to_stderr(format(record) + '\n'); });
  if (level != NOTSET) logger.setLevel(level);
  return logger;
}

inline Logger::~Logger() {
  for (Link* link = first_; link != nullptr;) delete std::exchange(link, link->next);
}

inline void Logger::addHandler(Handler handler) {
  auto* const added = new Link{std::move(handler)};
  std::atomic<Link*>* end = &first_;
  for (Link* after = nullptr; !end->compare_exchange_strong(after, added); after = nullptr) end = &after->next;
}

inline void Logger::log(LogLevel level, std::string_view message) noexcept {
  if (!isEnabledFor(level)) return;
  try {
    if (!hasHandlers()) {
      if (level >= WARNING) detail::write_to_stderr(std::string(message) + '\n');
      return;
    }
    const LogRecord record{level, level.name(), detail::current_process_name(), detail::current_pid(),
                           std::string(message)};
    for (const Link* link = first_; link != nullptr; link = link->next) link->handler(record);
  } catch (...) {
    detail::write_to_stderr("--- Logging error --- a handler of the multiprocessing logger threw an exception\n");
  }
}

namespace detail {

// The library's own names for the levels it uses, which no macro can hide.
inline constexpr int debug_level = DEBUG;
inline constexpr int info_level = INFO;
inline constexpr int warning_level = WARNING;

/// Logs what `message()` returns, which is only asked when somebody will see it.
template <std::invocable Message>
void log_lazily(LogLevel level, Message message) {
  if (get_logger().isEnabledFor(level)) get_logger().log(level, message());
}

}  // namespace detail

}  // namespace multiprocessing

#pragma pop_macro("CRITICAL")
#pragma pop_macro("ERROR")
#pragma pop_macro("WARNING")
#pragma pop_macro("INFO")
#pragma pop_macro("DEBUG")
#pragma pop_macro("NOTSET")
