#pragma once
// Threads that work through a queue of tasks. Includes no torch.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace vlp {

/// A fixed number of threads that start tasks in the order in which they were submitted. The
/// destructor drops what has not started and waits for what has.
class WorkerPool {
 public:
  /// Returns once `on_start` has run in every thread.
  /// @param threads   at least 1
  /// @param on_start  runs first in each thread, for settings that belong to a thread; must not
  ///                  throw
  explicit WorkerPool(std::int64_t threads, std::function<void()> on_start = [] {}) {
    const auto started = std::make_shared<std::latch>(threads);
    for (std::int64_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, started, on_start](const std::stop_token& stop) {
        on_start();
        started->count_down();
        work(stop);
      });
    started->wait();
  }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() {
    for (std::jthread& thread : threads_) thread.request_stop();
  }

  /// @param task  must not throw
  void submit(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }
  /// Forgets the tasks that have not started.
  void discard() {
    std::deque<std::function<void()>> dropped;  // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    dropped.swap(tasks_);
  }

 private:
  void work(const std::stop_token& stop) {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, stop, [this] { return !tasks_.empty(); });
        if (stop.stop_requested()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::jthread> threads_;  // last, so that they end before what they use
};

}  // namespace vlp
