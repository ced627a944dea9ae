#pragma once
// Work that goes on while who gave it does something else.

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "vlp/core/error.hpp"

namespace vlp {

/// A thread that does one task at a time. One other thread gives the tasks and waits for each; what
/// a task throws comes out there. The destructor waits for a task that goes on, and then drops its
/// failure.
class Background {
 public:
  Background() : thread_([this](const std::stop_token& stop) { work(stop); }) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Returns at once. What the task holds is freed before it counts as done.
  /// @param task  not empty
  /// @throws ContractError if the task before it hasn't been waited for
  void start(std::function<void()> task) {
    if (given_)
      throw ContractError(
          "background: a task was started before the last one was waited for. Call wait first.");
    {
      const std::lock_guard lock(mutex_);
      task_ = std::move(task);
      done_ = false;
    }
    given_ = true;
    changed_.notify_all();
  }
  /// Whether `wait` has something to wait for or to tell.
  [[nodiscard]] bool given() const { return given_; }
  /// Whether `wait` would return at once.
  [[nodiscard]] bool done() const {
    const std::lock_guard lock(mutex_);
    return done_;
  }
  /// Returns once the task is done, or there is none. @throws what the task threw, once
  void wait() {
    std::exception_ptr failure;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return done_; });
      failure = std::exchange(failure_, nullptr);
    }
    given_ = false;
    if (failure) std::rethrow_exception(failure);
  }

 private:
  void work(const std::stop_token& stop) {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [this] { return task_ != nullptr; })) return;
        task = std::exchange(task_, nullptr);
      }
      std::exception_ptr failure;
      try {
        task();
      } catch (...) {
        failure = std::current_exception();
      }
      task = nullptr;
      {
        const std::lock_guard lock(mutex_);
        failure_ = std::move(failure);
        done_ = true;
      }
      changed_.notify_all();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::function<void()> task_;  // waits to be taken by the thread
  std::exception_ptr failure_;  // of the last task
  bool done_ = true;            // nothing waits or goes on
  bool given_ = false;          // of the giving thread only
  std::jthread thread_;         // last, so that it ends before what it uses
};

}  // namespace vlp
