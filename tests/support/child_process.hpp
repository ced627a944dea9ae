#pragma once
// A program that runs beside the test, which may send it signals.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.hpp"

namespace vlp_test {

/// A child of the test; killed with it.
class ChildProcess {
 public:
  /// @param words  the program and its arguments
  /// @param said   a file that gets all it says
  ChildProcess(const std::vector<std::string>& words, std::filesystem::path said)
      : said_(std::move(said)) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no child process");
    if (pid_ > 0) return;
    const int file = ::open(said_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execv(arguments.front(), arguments.data());
    ::_exit(127);
  }
  ~ChildProcess() {
    if (ended()) return;
    send(SIGKILL);
    (void)wait();
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }
  /// Whether it has ended.
  [[nodiscard]] bool ended() {
    if (!status_) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    }
    return status_.has_value();
  }
  /// @return  its exit code once it has ended; of a signal's, the signal's negative number
  int wait() {
    if (!status_) {
      int status = 0;
      ::waitpid(pid_, &status, 0);
      status_ = status;
    }
    return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -WTERMSIG(*status_);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// What it has said so far.
  [[nodiscard]] std::string said() const { return text_of(said_); }

 private:
  std::filesystem::path said_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

}  // namespace vlp_test
