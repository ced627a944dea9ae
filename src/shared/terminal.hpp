#pragma once
// What a person sees while vlp works: one progress bar that redraws itself on a terminal, plain
// lines elsewhere. Everything here goes to stderr; results go to stdout.

#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>

#include "src/shared/failure.hpp"
#include "vlp/core/console.hpp"

namespace vlp {

/// Sinks for notes, warnings and progress. Lives as long as the console that it gives out.
class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] Console console();
  /// Prints a line above the bar.
  void line(std::string_view text);

 private:
  void progress(const Progress& now);
  void erase_bar();
  [[nodiscard]] std::string bar(const Progress& now) const;

  bool interactive_;
  int columns_ = 80;
  bool bar_shown_ = false;
  std::string task_;
  std::chrono::steady_clock::time_point last_{};
  std::mutex mutex_;
};

/// What a command returns, or the exit code of what it throws, which becomes a line on the
/// terminal.
template <class F>
[[nodiscard]] int exit_code_of(Terminal& terminal, F&& command) {
  try {
    return command();
  } catch (const std::exception&) {
    const Failure failure = failure_of_exception();
    terminal.line(failure.text);
    return failure.code;
  }
}

}  // namespace vlp
