#pragma once
// From a recipe to its report. What happens between is the task's:
//   recipe -> registry -> dataset -> loader -> model -> losses -> trainer -> metrics -> report
// is written out in tasks/train_inl.hpp.

#include <span>

#include "vlp/plan/run_arguments.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/report.hpp"
#include "vlp/tasks/tasks.hpp"

namespace vlp {

/// Runs a recipe from its file to its report.
/// @param tasks  what recipes can be for
/// @throws RecipeError, DataError, WeightsError, NonFiniteError: see core/error.hpp
inline Report run(const Recipe& recipe, const Registry& registry, const RunArguments& arguments,
                  std::span<const Task> tasks = kTasks) {
  const TaskChoice choice = choose_task(recipe, tasks);
  return choice.task.run(choice.recipe, registry, arguments);
}

}  // namespace vlp
