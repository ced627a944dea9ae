#pragma once
// Updates that are skipped because a gradient isn't finite, counted on the device.

#include <cstdint>

#include <ATen/ATen.h>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// What is known of skipped updates.
struct Skips {
  std::int64_t skipped = 0;      ///< since the beginning of the run
  std::int64_t in_row = 0;       ///< the newest ones, without one that wasn't skipped
  std::int64_t stopped_at = -1;  ///< the update, from 0, with which too many had been skipped in a
                                 ///< row: no update has changed anything since. -1 = none
};

/// Counts without waiting for the device. Once too many updates in a row have been skipped all
/// further ones are skipped as well, so that the weights stay those that a look at the cause needs.
class SkipCounter {
 public:
  /// @param limit  skipped updates in a row with which everything stops; 0 = never
  SkipCounter(std::int64_t limit, at::Device device)
      : limit_(limit), counts_(at::zeros({3}, at::TensorOptions(at::kLong).device(device))) {
    counts_.narrow(0, 2, 1).fill_(-1);
  }

  /// Counts one update.
  /// @param bad   scalar bool on the device: its gradient isn't finite
  /// @param step  its number, from 0
  /// @return      [1] float32, 1 = it must change nothing
  [[nodiscard]] at::Tensor add(const at::Tensor& bad, std::int64_t step) {
    at::Tensor skipped = counts_.narrow(0, 0, 1), in_row = counts_.narrow(0, 1, 1),
               stopped_at = counts_.narrow(0, 2, 1);
    const at::Tensor is_bad = bad.reshape({1});
    if (limit_ == 0) {
      skipped.add_(is_bad);
      in_row.add_(1).mul_(is_bad);
      return is_bad.to(at::kFloat);
    }
    const at::Tensor runs = stopped_at.lt(0);
    skipped.add_(is_bad.logical_and(runs));
    in_row.copy_(at::where(runs, (in_row + 1) * is_bad, in_row));
    stopped_at.masked_fill_(runs.logical_and(in_row.ge(limit_)), step);
    return is_bad.logical_or(runs.logical_not()).to(at::kFloat);
  }

  /// Waits for the device.
  [[nodiscard]] Skips read() {
    const at::Tensor counts = counts_.cpu();
    const auto count = [&](std::int64_t i) { return counts[i].item<std::int64_t>(); };
    const Skips found{count(0), count(1), count(2)};
    if (found.stopped_at < 0) known_ = found.skipped;  // else that update is to be done again
    return found;
  }
  /// How many had been skipped when somebody last read.
  [[nodiscard]] std::int64_t known() const { return known_; }

  void save(State& state) const {
    put_tensor(state, "counts", counts_);
    state.put("known", known_);
  }
  void load(const State& state) {
    load_tensor(state, "counts", counts_);
    known_ = state.integer("known");
  }

 private:
  std::int64_t limit_;
  at::Tensor counts_;  // [3] int64: skipped, in_row, stopped_at of `Skips`
  std::int64_t known_ = 0;
};

}  // namespace vlp
