#pragma once

#include <optional>
#include <string>
#include <utility>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/data/data.hpp"
#include "vlp/plan/checks.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/tasks/begin_run.hpp"
#include "vlp/tasks/evaluate.hpp"
#include "vlp/tasks/recipe_lines.hpp"
#include "vlp/tasks/run_parts.hpp"

namespace vlp {

VLP_INLINE Plan plan_evaluation(const Recipe& recipe, const Registry& registry,
                                std::optional<DeviceName> device) {
  return read_plan<RecipeOptions>(recipe, registry,
                                  [&](const RecipeOptions& tables, Diagnostics& problems) {
                                    check_precision(tables, recipe, device, problems);
                                    check_tables(tables, recipe, /*trains=*/false, problems);
                                    check_weights(tables, recipe, problems);
                                    check_weight_keys(tables, recipe, Formats(registry), problems);
                                  });
}

VLP_INLINE Report evaluate(const Recipe& recipe, const Registry& registry,
                           const RunArguments& arguments) {
  const Plan plan = plan_evaluation(recipe, registry, arguments.device);
  const RunBeginning beginning = begin_run(plan, recipe, registry, arguments);
  if (beginning.finished) return finished_before(arguments.out);
  Context ctx = open_context(plan, arguments);
  Preprocessing preprocessing = load_preprocessing(plan, ctx);
  if (!arguments.quick)  // what doesn't fit together is found before anything is read
    for (const std::string& untried : dry_pass(plan, ctx, preprocessing, /*trains=*/false).untried)
      ctx.machine.console.note("dry pass: " + untried);

  AnyDataset dataset = build_dataset(plan, ctx, preprocessing.transforms);
  const Data data{std::move(preprocessing), std::move(dataset)};
  require_usable_prompts(plan, data.tokenizer, data.dataset);
  InitialWeights weights = open_initial_weights(plan, ctx);
  AnyModel model = build_model(plan, ctx, weights, /*complete=*/true);  // nothing begins at random
  Objective losses = build_losses(plan, ctx, weights);
  const std::string not_finite = weights.not_finite();
  weights = {};

  const RunFolder folder = open_run_folder(beginning, plan, arguments);
  cut_back(folder, beginning, nullptr);
  RunParts run{.plan = plan,
               .ctx = ctx,
               .data = data,
               .model = model,
               .losses = losses,
               .folder = folder,
               .observers = observers_of(plan, ctx, folder),
               .bad = {folder, ctx.facts.bad},
               .plugins = registry.plugins()};
  write_model_recipe(folder, plan, data.tokenizer);
  run.observers.begin(start_of(run));
  try {
    return blaming_weights(not_finite, [&] { return score(run, {}); });
  } catch (const InterruptedError& interrupted) {
    throw InterruptedError(std::string(interrupted.what()) +
                           ": the evaluation begins anew with\n  vlp run --resume " +
                           folder.path().string());
  }
}

VLP_INLINE std::vector<std::string> check_evaluate_recipe(const Recipe& recipe,
                                                          const Registry& registry,
                                                          const CheckArguments& arguments) {
  const Plan plan = plan_evaluation(recipe, registry, arguments.device);
  const std::optional<CheckedParts> parts = checked_parts(plan, arguments);
  const std::vector<std::string> passed = dry_pass_lines(plan, parts, arguments, /*trains=*/false);
  std::vector<std::string> lines = weights_lines(plan);
  add_lines(lines, passed);
  add_lines(lines, data_lines(plan, parts, arguments, /*trains=*/false));
  return lines;
}

}  // namespace vlp
