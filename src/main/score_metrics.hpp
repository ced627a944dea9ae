#pragma once
// The metrics of `vlp score`.

#include <vector>

#include "src/main/commands.hpp"
#include "vlp/concepts/metric.hpp"

namespace vlp {

/// What --metrics names, with the options from --set and --document-frequencies; those of plugins
/// among them.
/// @throws RecipeError with what is wrong on the command line, PluginError with a plugin
[[nodiscard]] std::vector<AnyMetric> metrics_of(const ScoreCommand& command);

}  // namespace vlp
