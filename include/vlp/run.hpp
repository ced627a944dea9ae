#pragma once
// The flow of vlp on one screen:
//   recipe -> registry -> dataset -> loader -> model -> losses -> trainer -> metrics -> report

#include "vlp/assemble/fit.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/report.hpp"
#include "vlp/assemble/write.hpp"
#include "vlp/plan.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// Runs a recipe from its file to its report.
/// @throws RecipeError, DataError, WeightsError, NonFiniteError: see core/error.hpp
inline Report run(const Recipe& recipe, const Registry& registry, const RunArguments& arguments) {
  const Plan plan = make_plan(recipe, registry, arguments.device);  // every mistake in the recipe surfaces here, at once
  RunFolder::require_free(arguments.out);                           // earlier runs are never touched
  Context ctx = open_context(plan, arguments);                      // device, precision, seed streams, folders, progress

  const Data data = load_data(plan, ctx);
  InitialWeights weights = open_initial_weights(plan, ctx);  // of parts, of a whole model, of an earlier run; or none
  AnyModel model = build_model(plan, ctx, weights);          // serves what the losses need
  Objective losses = build_losses(plan, ctx, weights);       // a weighted sum, also a Loss
  weights = {};                                              // can be as large as the model

  const RunFolder folder(arguments.out);  // made only now: a run that can't begin leaves nothing behind
  write_beginning(folder, plan, data, ctx);
  note_beginning(plan, data, model, ctx);

  History history;
  if (plan.run.task == Task::train) history = fit(model, losses, data, plan, ctx, folder);

  const Evaluation scores = evaluate_split(model, losses, data, plan.evaluate.split, history.best_epoch, history.steps, plan, ctx, folder);
  return write_report(plan, history, scores, data, ctx, folder);
}

}  // namespace vlp
