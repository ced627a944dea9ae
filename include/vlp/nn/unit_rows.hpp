#pragma once
// Vectors of length one, as similarities by their cosine need them.

#include <ATen/ATen.h>

#include "vlp/concepts/full_precision.hpp"

namespace vlp {

/// x / max(|x|, 1e-12) in float32 at least, whatever the number format of the pass.
/// @param x  [..., E]
/// @return   [..., E] float32, or float64 if x is; rows of zeros stay zeros
[[nodiscard]] inline at::Tensor unit_rows(const at::Tensor& x) {
  const FullPrecision full_precision;
  const at::Tensor full = precise(x);
  return full / full.norm(2, {-1}, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace vlp
