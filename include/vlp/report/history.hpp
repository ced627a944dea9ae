#pragma once
// What a fit leaves behind besides weights: a row an epoch, and which one was best. Includes no
// torch.

#include <cstdint>
#include <vector>

#include "vlp/report/measured.hpp"

namespace vlp {

/// The state of a run after one epoch.
struct EpochRecord {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t step = 0;   ///< updates done
  Measured measured;       ///< on the validation split, without rows
};

/// All epochs of a fit.
struct History {
  std::vector<EpochRecord> epochs;  ///< in order
  std::int64_t best_epoch = 0;      ///< whose weights lie in model/; 0 = nothing was trained
  double train_seconds = 0;         ///< wall time, evaluation included
  std::int64_t steps = 0;           ///< updates done
};

}  // namespace vlp
