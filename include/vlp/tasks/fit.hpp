#pragma once
// Fits a recipe's model: the trainer's loop, with evaluation, best weights and a checkpoint after
// each epoch.

#include <cstdint>
#include <filesystem>
#include <utility>

#include "vlp/core/header_only.hpp"
#include "vlp/report/history.hpp"
#include "vlp/tasks/run_parts.hpp"

namespace vlp {

/// Trains as the plan says.
/// @return  with the best epoch's weights in the model and in the folder's model/
[[nodiscard]] History fit(RunParts& run);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/fit_inl.hpp"
#endif
