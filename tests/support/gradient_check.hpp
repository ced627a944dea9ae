#pragma once
// Compares autograd with central differences, in float64.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace vlp_test {

/// Step 1e-6 in float64: the difference quotient is off by about 1e-10 from rounding and less from
/// curvature.
inline constexpr double kDifferenceStep = 1e-6;
/// Room for both, times a few hundred summands.
inline constexpr double kGradientTolerance = 1e-6;

/// Largest difference between autograd's and numerical gradients of `loss` over at most `samples`
/// entries of each leaf.
inline double gradient_difference(const std::function<at::Tensor()>& loss,
                                  const std::vector<at::Tensor>& leaves,
                                  std::int64_t samples = 12) {
  for (at::Tensor leaf : leaves) leaf.mutable_grad().reset();
  loss().backward();
  double worst = 0;
  for (const at::Tensor& leaf : leaves) {
    const at::Tensor gradient = leaf.grad().defined() ? leaf.grad().contiguous().view(-1)
                                                      : at::zeros({leaf.numel()}, at::kDouble);
    const at::Tensor flat = leaf.detach().view(-1);
    const std::int64_t stride = std::max<std::int64_t>(1, leaf.numel() / samples);
    for (std::int64_t i = 0; i < leaf.numel(); i += stride) {
      const at::NoGradGuard no_grad;
      const double old = flat[i].item<double>();
      flat[i].fill_(old + kDifferenceStep);
      const double above = loss().item<double>();
      flat[i].fill_(old - kDifferenceStep);
      const double below = loss().item<double>();
      flat[i].fill_(old);
      worst = std::max(
          worst, std::abs((above - below) / (2 * kDifferenceStep) - gradient[i].item<double>()));
    }
  }
  return worst;
}

/// Largest absolute difference of two tensors of one shape.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace vlp_test
