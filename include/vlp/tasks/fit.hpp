#pragma once
// Fits a recipe's model: the trainer's loop, with checkpoints, and evaluation and best weights
// after each epoch.

#include <cstdint>
#include <filesystem>
#include <utility>

#include "vlp/core/header_only.hpp"
#include "vlp/report/history.hpp"
#include "vlp/tasks/run_parts.hpp"

namespace vlp {

/// Trains as the plan says, from the start or from the run's state.
/// @return  with the best epoch's weights in the model and in the folder's model/
/// @throws InterruptedError if the context's `stop` says so, once a checkpoint is written;
///         DiskError if that can't be
[[nodiscard]] History fit(RunParts& run);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/fit_inl.hpp"
#endif
