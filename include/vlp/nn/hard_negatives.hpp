#pragma once
// Hard negatives for image-text matching: wrong partners drawn the more often the more similar they
// are (Li et al. 2021, section 3.2; Li et al. 2022). Nothing here waits for the device.

#include <limits>

#include <ATen/ATen.h>

namespace vlp {

/// How often each column is drawn as a row's negative, without gradient: softmax of the
/// similarities plus `floor`.
/// @param similarities  [R, C], divided by the temperature
/// @param allowed       [R, C] bool, false = belongs together and is never drawn
/// @param floor         added to every probability; 1e-4 in BLIP's pre-training, 0 in its retrieval
///                      fine-tuning
/// @return              [R, C] >= 0, 0 where not allowed; rows are not normalised
[[nodiscard]] inline at::Tensor negative_weights(const at::Tensor& similarities,
                                                 const at::Tensor& allowed, double floor) {
  return similarities.detach().softmax(1).add(floor).masked_fill(allowed.logical_not(), 0);
}

/// Draws a column for each row, with probabilities proportional to the weights. Weights are
/// compared as multiples of 2^-32 of their row's largest, so that cumulative sums are exact: in
/// whatever order a device adds them up, a column of weight 0 is never drawn. A row whose weights
/// have all vanished (underflow, or not a number) draws evenly from what is allowed; one in which
/// nothing is allowed gives some column.
/// @param weights   [R, C], at most 2^30 columns
/// @param allowed   [R, C] bool
/// @param uniforms  [R] float64 in [0, 1)
/// @return          [R] int64 in [0, C)
[[nodiscard]] inline at::Tensor draw_columns(const at::Tensor& weights, const at::Tensor& allowed,
                                             const at::Tensor& uniforms) {
  constexpr double kParts = 0x1.0p32;
  const at::Tensor precise = weights.to(at::kDouble);
  const at::Tensor share = at::nan_to_num(
      precise / precise.amax(1, /*keepdim=*/true).clamp_min(std::numeric_limits<double>::min()),
      0.0, 0.0, 0.0);
  const at::Tensor parts = share.mul(kParts).round().to(at::kLong);
  const at::Tensor vanished = parts.sum(1, /*keepdim=*/true).eq(0);
  const at::Tensor cumulative =
      at::where(vanished, allowed.to(at::kLong), parts).cumsum(1);           // [R, C]
  const at::Tensor total = cumulative.narrow(1, cumulative.size(1) - 1, 1);  // [R, 1]
  const at::Tensor point =
      at::minimum(uniforms.unsqueeze(1).mul(total).floor().to(at::kLong), total - 1);
  return cumulative.le(point).sum(1).clamp_max(weights.size(1) - 1);
}

}  // namespace vlp
