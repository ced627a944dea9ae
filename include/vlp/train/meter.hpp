#pragma once
// Means over updates, kept on the device until somebody wants to see them.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/state.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/train/step_record.hpp"

namespace vlp {

/// The mean of scalars.
class Meter {
 public:
  /// Never waits for the device.
  void add(const at::Tensor& value) {
    const at::Tensor x = value.detach();
    sum_ = sum_.defined() ? sum_ + x : x;
    ++count_;
  }
  /// Waits for the device. NaN if nothing was added.
  [[nodiscard]] double mean() const {
    return sum_.defined() ? (sum_ / count_).item<double>()
                          : std::numeric_limits<double>::quiet_NaN();
  }

  void save(State& state) const {
    state.put("count", count_);
    if (sum_.defined()) put_tensor(state, "sum", sum_);
  }
  /// @param device  where values will be added
  /// @throws WeightsError if an entry is missing
  void load(const State& state, at::Device device) {
    count_ = state.integer("count");
    sum_ = state.has("sum") ? get_tensor(state, "sum").to(device) : at::Tensor();
  }

 private:
  at::Tensor sum_;
  std::int64_t count_ = 0;
};

/// What log lines tell of updates: the loss, its parts, and the norm of the gradients.
class StepMeters {
 public:
  /// Never waits for the device.
  void add(const StepRecord& record) {
    loss_.add(record.loss);
    grad_norm_.add(record.grad_norm);
    for (const auto& [name, part] : record.parts) {
      auto found = std::ranges::find(parts_, name, [](const auto& meter) { return meter.first; });
      if (found == parts_.end()) found = parts_.insert(parts_.end(), {name, {}});
      found->second.add(part);
    }
  }
  /// Fills in loss, losses and grad_norm. Waits for the device.
  void read(LogLine& line) const {
    line.loss = loss_.mean();
    line.grad_norm = grad_norm_.mean();
    for (const auto& [name, meter] : parts_) line.losses.emplace_back(name, meter.mean());
  }

  void save(State& state) const {
    State loss = state.prefixed("loss"), grad_norm = state.prefixed("grad_norm");
    loss_.save(loss);
    grad_norm_.save(grad_norm);
    state.put("parts", static_cast<std::int64_t>(parts_.size()));
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      State part = state.prefixed("part." + std::to_string(i));
      part.put("name", parts_[i].first);
      parts_[i].second.save(part);
    }
  }
  /// @param device  where values will be added
  /// @throws WeightsError if an entry is missing
  void load(const State& state, at::Device device) {
    loss_.load(state.prefixed("loss"), device);
    grad_norm_.load(state.prefixed("grad_norm"), device);
    parts_.clear();
    for (std::int64_t i = 0; i < state.integer("parts"); ++i) {
      const State part = state.prefixed("part." + std::to_string(i));
      parts_.emplace_back(part.text("name"), Meter());
      parts_.back().second.load(part, device);
    }
  }

 private:
  Meter loss_, grad_norm_;
  std::vector<std::pair<std::string, Meter>> parts_;  // in the order in which they first came
};

}  // namespace vlp
