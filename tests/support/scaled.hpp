#pragma once
// What the trainer tells an optimizer in mixed precision.

#include <ATen/ATen.h>

#include "vlp/concepts/optimizer.hpp"

namespace vlp_test {

/// Gradients are `scale` times too large; with found_inf = 1 the step is to be skipped.
inline vlp::StepControl scaled(double scale, double found_inf = 0) {
  return {1, at::full({1}, scale, at::kFloat), at::full({1}, found_inf, at::kFloat)};
}

}  // namespace vlp_test
