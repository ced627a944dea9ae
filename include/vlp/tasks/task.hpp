#pragma once
// A task: what a recipe is for. Each has a file of its own, with the tables that its recipes have,
// the checks of these, and what it does; tasks.hpp lists them.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/core/message.hpp"
#include "vlp/plan/run_arguments.hpp"
#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/report/report.hpp"

namespace vlp {

class Registry;

/// One value of `[run] task`.
struct Task {
  std::string_view name;     ///< as recipes spell it
  std::string_view purpose;  ///< behind the name it makes a sentence: "fits the model"
  /// From a recipe to its report. @throws RecipeError, DataError, WeightsError, NonFiniteError
  Report (*run)(const Recipe&, const Registry&, const RunArguments&);
  /// Reads and checks a recipe. @return  lines about what it would do
  std::vector<std::string> (*check)(const Recipe&, const Registry&, const CheckArguments&);
};

/// A recipe with the task that it names.
struct TaskChoice {
  const Task& task;
  Recipe recipe;  ///< with a problem more if there is no such task
};

/// @param tasks  at least one; the first is that of a recipe that names none
[[nodiscard]] inline TaskChoice choose_task(const Recipe& recipe, std::span<const Task> tasks) {
  TaskChoice choice{tasks.front(), recipe};
  const Value* value = value_at(recipe.value, "run.task");
  const std::string* name = value ? value->as<std::string>() : nullptr;
  if (!name) return choice;  // whatever else stands there is told when the table is read
  std::vector<std::string> names;
  for (const Task& task : tasks) {
    if (task.name == *name) return {task, recipe};
    names.emplace_back(task.name);
  }
  choice.recipe.problems.add(value->place, "run.task",
                             "got " + value->brief() + ", expected one of \"" +
                                 joined(names, "\", \"") + "\"" + suggestion(*name, names));
  return choice;
}

}  // namespace vlp
