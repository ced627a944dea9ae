#pragma once
// Losses, similarities and their sums are computed in float32 at least, whatever the number format
// of the pass.

#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace vlp {

/// While it lives, autocast leaves this thread's operations alone.
class FullPrecision {
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

/// @return  float64 as it is, everything else as float32
[[nodiscard]] inline at::Tensor precise(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

}  // namespace vlp
