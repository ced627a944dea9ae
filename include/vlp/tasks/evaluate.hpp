#pragma once
// The task `evaluate`: scores given weights on a split.

#include <optional>
#include <string>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"
#include "vlp/report/report.hpp"

namespace vlp {

/// Reads and checks a recipe that evaluates.
/// @param device  where it will run; none = not known, and what depends on it isn't checked
/// @throws RecipeError with all problems at once
[[nodiscard]] Plan plan_evaluation(const Recipe& recipe, const Registry& registry,
                                   std::optional<DeviceName> device = std::nullopt);

/// Evaluates and writes the run folder.
/// @throws RecipeError, DataError, WeightsError: see core/error.hpp
[[nodiscard]] Report evaluate(const Recipe& recipe, const Registry& registry,
                              const RunArguments& arguments);

/// @return  what an evaluation by this recipe would come to: weights, data
/// @throws RecipeError with all problems at once, or if there is no such vocabulary; DataError if
/// the dataset is broken
[[nodiscard]] std::vector<std::string> check_evaluate_recipe(const Recipe& recipe,
                                                             const Registry& registry,
                                                             const CheckArguments& arguments);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/evaluate_inl.hpp"
#endif
