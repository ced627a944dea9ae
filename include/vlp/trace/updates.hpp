#pragma once
// Updates before a second look at a model's numbers. Includes no torch.

#include <cstdint>

namespace vlp {

/// Updates that a trace makes after everything else: AdamW with betas 0.9 and 0.999, eps 1e-8,
/// decay on every parameter.
struct TraceUpdates {
  std::int64_t steps = 0;     ///< 0 = none
  double lr = 1e-3;           ///< learning rate
  double weight_decay = 0.1;  ///< share of a parameter that a step of lr 1 would remove
};

}  // namespace vlp
