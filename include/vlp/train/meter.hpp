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
  /// @param left_out  [1] float32, 1 = it doesn't count; undefined = it does
  void add(const at::Tensor& value, const at::Tensor& left_out = {}) {
    at::Tensor x = value.detach();
    if (left_out.defined()) {
      x = x.masked_fill(left_out.squeeze(0).ne(0), 0.0);
      left_out_ = left_out_.defined() ? left_out_ + left_out : left_out;
    }
    sum_ = sum_.defined() ? sum_ + x : x;
    ++count_;
  }
  /// Waits for the device. NaN if nothing was added that counts.
  [[nodiscard]] double mean() const {
    if (!sum_.defined()) return std::numeric_limits<double>::quiet_NaN();
    if (!left_out_.defined()) return (sum_ / count_).item<double>();
    return (sum_ / (static_cast<double>(count_) - left_out_.squeeze(0))).item<double>();
  }

  void save(State& state) const {
    state.put("count", count_);
    if (sum_.defined()) put_tensor(state, "sum", sum_);
    if (left_out_.defined()) put_tensor(state, "left_out", left_out_);
  }
  /// @param device  where values will be added
  /// @throws WeightsError if an entry is missing
  void load(const State& state, at::Device device) {
    count_ = state.integer("count");
    const auto tensor = [&](const char* name) {
      return state.has(name) ? get_tensor(state, name).to(device) : at::Tensor();
    };
    sum_ = tensor("sum");
    left_out_ = tensor("left_out");
  }

 private:
  at::Tensor sum_, left_out_;
  std::int64_t count_ = 0;
};

/// What log lines tell of updates: the loss, its parts, and the norm of the gradients. Updates that
/// were skipped don't count.
class StepMeters {
 public:
  /// Never waits for the device.
  void add(const StepRecord& record) {
    loss_.add(record.loss, record.skipped);
    grad_norm_.add(record.grad_norm, record.skipped);
    for (const auto& [name, part] : record.parts) {
      auto found = std::ranges::find(parts_, name, [](const auto& meter) { return meter.first; });
      if (found == parts_.end()) found = parts_.insert(parts_.end(), {name, {}});
      found->second.add(part, record.skipped);
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
