#pragma once
// How a run learns that it should end early.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "vlp/core/error.hpp"

namespace vlp {

/// Asked between two updates or batches whether to go on. One that knows of nothing never stops.
class Stop {
 public:
  Stop() = default;
  /// @param asked  why to end, e.g. "interrupted by SIGTERM"; empty = go on
  explicit Stop(std::function<std::string()> asked) : asked_(std::move(asked)) {}

  /// Stops also from then on. @param why  in words
  void add_deadline(std::chrono::steady_clock::time_point time, std::string why) {
    deadline_ = time;
    too_late_ = std::move(why);
  }

  /// Why to end; empty = go on.
  [[nodiscard]] std::string why() const {
    if (asked_)
      if (std::string why = asked_(); !why.empty()) return why;
    return deadline_ && std::chrono::steady_clock::now() >= *deadline_ ? too_late_ : std::string();
  }
  /// @throws InterruptedError if it is time to end
  void check() const {
    if (std::string why = this->why(); !why.empty()) throw InterruptedError(why);
  }

 private:
  std::function<std::string()> asked_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::string too_late_;
};

}  // namespace vlp
