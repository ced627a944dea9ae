#pragma once
// What a fit leaves behind besides weights: a row an epoch, and which one was best.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vlp/concepts/metric.hpp"

namespace vlp {

/// The state of a run after one epoch.
struct EpochRecord {
  std::int64_t epoch = 0;      ///< from 1
  std::int64_t step = 0;       ///< updates done
  std::optional<double> loss;  ///< on the validation split
  Scores losses;               ///< the parts of it
  Scores scores;               ///< on the validation split
};

/// All epochs of a fit.
struct History {
  std::vector<EpochRecord> epochs;  ///< in order
  std::int64_t best_epoch = 0;      ///< whose weights lie in model/; 0 = nothing was trained
  double train_seconds = 0;         ///< wall time, evaluation included
  std::int64_t steps = 0;           ///< updates done
};

/// The value by which epochs are compared, larger is better; none where the epoch has no such score.
[[nodiscard]] inline std::optional<double> goodness(const EpochRecord& record, const std::string& best) {
  if (best == "loss") return record.loss ? std::optional(-*record.loss) : std::nullopt;
  for (const auto& [name, value] : record.scores)
    if (name == best) return value;
  return std::nullopt;
}

}  // namespace vlp
