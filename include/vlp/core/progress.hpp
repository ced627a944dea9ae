#pragma once
// Progress of a long loop. Includes no torch.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/console.hpp"

namespace vlp {

/// Tells a console how far a loop is, with its speed and the time left as measured since it began.
class ProgressMeter {
 public:
  /// @param console  must outlive this
  /// @param task     what is going on
  /// @param total    items in all
  /// @param unit     what an item is, in the plural
  ProgressMeter(const Console& console, std::string task, std::int64_t total, std::string_view unit)
      : console_(console), task_(std::move(task)), total_(total), unit_(unit) {}

  /// Items in all.
  [[nodiscard]] std::int64_t total() const { return total_; }

  /// @param count  items finished
  void done(std::int64_t count) const {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    console_.progress(
        {.task = task_,
         .done = count,
         .total = total_,
         .per_second = static_cast<double>(count) / std::max(seconds, 1e-9),
         .unit = unit_,
         .seconds_left = seconds / static_cast<double>(std::max<std::int64_t>(count, 1)) *
                         static_cast<double>(total_ - count)});
  }

 private:
  const Console& console_;
  std::string task_;
  std::int64_t total_;
  std::string_view unit_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace vlp
