#pragma once

#include <string>
#include <utility>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/plan/checks.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/tasks/fit.hpp"
#include "vlp/tasks/recipe_lines.hpp"
#include "vlp/tasks/run_parts.hpp"
#include "vlp/tasks/train.hpp"

namespace vlp {

VLP_INLINE Plan plan_training(const Recipe& recipe, const Registry& registry,
                              std::optional<DeviceName> device) {
  return read_plan<RecipeOptions>(recipe, registry,
                                  [&](const RecipeOptions& tables, Diagnostics& problems) {
                                    check_training(tables, recipe, device, problems);
                                    check_tables(tables, recipe, /*trains=*/true, problems);
                                    check_weight_keys(tables, recipe, Formats(registry), problems);
                                  });
}

VLP_INLINE Report train(const Recipe& recipe, const Registry& registry,
                        const RunArguments& arguments) {
  const Plan plan = plan_training(recipe, registry, arguments.device);  // every mistake, at once
  together(arguments.peers, [&] {
    if (arguments.peers.first())
      RunFolder::require_free(arguments.out);  // earlier runs are never touched
  });
  Context ctx = open_context(plan, arguments);  // device, precision, seed streams, folders
  if (!arguments.quick)  // what doesn't fit together is found before anything is read
    for (const std::string& untried : dry_pass(plan, ctx, /*trains=*/true))
      ctx.machine.console.note("dry pass: " + untried);

  const Data data = load_data(plan, ctx);
  InitialWeights weights = open_initial_weights(plan, ctx);  // of parts, a model, a run; or none
  AnyModel model = build_model(plan, ctx, weights);          // serves what the losses need
  Objective losses = build_losses(plan, ctx, weights);       // a weighted sum, also a Loss
  const std::string reader = weights.format();
  weights = {};  // can be as large as the model

  const RunFolder folder(
      arguments.out,
      arguments.peers.first());  // made now: a run that can't begin leaves nothing behind
  RunParts run{.plan = plan,
               .ctx = ctx,
               .data = data,
               .model = model,
               .losses = losses,
               .folder = folder,
               .observers = observers_of(plan, ctx, folder),
               .plugins = registry.plugins()};
  write_model_recipe(folder, plan, data.tokenizer);
  run.format = write_format_settings(folder, plan, ctx, reader);
  run.observers.begin(start_of(run));

  const History history = fit(run);
  return score(run, history);
}

VLP_INLINE std::vector<std::string> check_train_recipe(const Recipe& recipe,
                                                       const Registry& registry,
                                                       const CheckArguments& arguments) {
  const Plan plan = plan_training(recipe, registry, arguments.device);
  const std::vector<std::string> passed = dry_pass_lines(plan, arguments, /*trains=*/true);
  std::vector<std::string> lines = batch_lines(plan);
  add_lines(lines, weights_lines(plan));
  add_lines(lines, passed);
  add_lines(lines, data_lines(plan, arguments, /*trains=*/true));
  add_lines(lines, note_lines(plan));
  return lines;
}

}  // namespace vlp
