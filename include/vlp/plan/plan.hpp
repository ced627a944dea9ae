#pragma once
// A recipe understood: every option read and checked, every component chosen, nothing built. Every
// mistake in a recipe surfaces here, all at once.

#include "vlp/plan/tables.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_plugins.hpp"
#include "vlp/start/formats.hpp"

namespace vlp {

/// A recipe ready to run.
/// @tparam Tables  of its task
template <Options Tables>
struct PlanOf : Tables {
  Value resolved;   ///< the recipe with every default written out
  Formats formats;  ///< those that the registry holds
};

/// A recipe that trains or evaluates a model.
using Plan = PlanOf<RecipeOptions>;

/// Reads a task's tables and lets the task check them.
/// @param recipe    as `load_recipe` returns it
/// @param registry  the components that the recipe can name
/// @param check     called as `check(tables, problems)`, adds what it finds to the problems
/// @throws RecipeError with all problems at once
template <Options Tables, class Check>
[[nodiscard]] PlanOf<Tables> read_plan(const Recipe& recipe, const Registry& registry,
                                       const Check& check) {
  Diagnostics problems = recipe.problems;
  if (recipe.incomplete) problems.throw_if_any();
  ReadContext ctx{problems, &registry, plugins_of_run(recipe.file)};
  PlanOf<Tables> plan;
  read_options<Tables>(recipe.value, "", plan, ctx);
  check(plan, problems);
  problems.throw_if_any();
  plan.resolved = write_options<Tables>(plan);
  plan.formats = Formats(registry);
  return plan;
}

}  // namespace vlp
