#pragma once
// The task `train`: fits a model to a dataset, keeps the best weights, and scores them.

#include <optional>
#include <string>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"
#include "vlp/report/report.hpp"

namespace vlp {

/// Reads and checks a recipe that trains.
/// @param device  where it will run; none = not known, and what depends on it isn't checked
/// @throws RecipeError with all problems at once
[[nodiscard]] Plan plan_training(const Recipe& recipe, const Registry& registry,
                                 std::optional<DeviceName> device = std::nullopt);

/// Trains, evaluates, and writes the run folder.
/// @throws RecipeError, DataError, WeightsError, NonFiniteError: see core/error.hpp
[[nodiscard]] Report train(const Recipe& recipe, const Registry& registry,
                           const RunArguments& arguments);

/// @return  what training by this recipe would come to: batch, weights, data, length
/// @throws RecipeError with all problems at once, or if there is no such vocabulary; DataError if
/// the dataset is broken
[[nodiscard]] std::vector<std::string> check_train_recipe(const Recipe& recipe,
                                                          const Registry& registry,
                                                          const CheckArguments& arguments);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/train_inl.hpp"
#endif
