#pragma once

#include <chrono>
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
#include "vlp/tasks/fit.hpp"
#include "vlp/tasks/recipe_lines.hpp"
#include "vlp/tasks/run_parts.hpp"
#include "vlp/tasks/train.hpp"
#include "vlp/train/checkpoint_options.hpp"
#include "vlp/train/checkpoints.hpp"

namespace vlp {

VLP_INLINE Plan plan_training(const Recipe& recipe, const Registry& registry,
                              std::optional<DeviceName> device) {
  return read_plan<RecipeOptions>(recipe, registry,
                                  [&](const RecipeOptions& tables, Diagnostics& problems) {
                                    check_training(tables, recipe, problems);
                                    check_precision(tables, recipe, device, problems);
                                    check_tables(tables, recipe, /*trains=*/true, problems);
                                    check_weight_keys(tables, recipe, Formats(registry), problems);
                                  });
}

VLP_INLINE Report train(const Recipe& recipe, const Registry& registry,
                        const RunArguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  const Plan plan = plan_training(recipe, registry, arguments.device);  // every mistake, at once
  const RunBeginning beginning = begin_run(plan, recipe, registry, arguments);
  if (beginning.finished) return finished_before(arguments.out);
  Context ctx = open_context(plan, arguments);  // device, precision, seed streams, folders
  if (const auto most = duration_of(plan.train.max_time))
    ctx.machine.stop.add_deadline(begin + *most, "train.max_time is over");
  Preprocessing preprocessing = load_preprocessing(plan, ctx);
  if (!arguments.quick)  // what doesn't fit together is found before anything is read
    for (const std::string& untried : dry_pass(plan, ctx, preprocessing, /*trains=*/true).untried)
      ctx.machine.console.note("dry pass: " + untried);

  AnyDataset dataset = build_dataset(plan, ctx, preprocessing.transforms);
  const Data data{std::move(preprocessing), std::move(dataset)};
  require_usable_prompts(plan, data.tokenizer, data.dataset);
  std::optional<State> from;
  if (beginning.checkpoint) from = read_checkpoint(beginning.checkpoint->folder);
  InitialWeights weights;  // of parts, a model, a run; or none
  if (!from) weights = open_initial_weights(plan, ctx);
  AnyModel model = build_model(plan, ctx, weights);     // serves what the losses need
  Objective losses = build_losses(plan, ctx, weights);  // a weighted sum, also a Loss
  const std::string reader = from ? from->text("reader") : weights.format();
  const std::string not_finite = weights.not_finite();
  weights = {};  // can be as large as the model

  // Made now: a run that can't begin leaves nothing behind.
  const RunFolder folder = open_run_folder(beginning, plan, arguments);
  cut_back(folder, beginning, from ? &*from : nullptr);
  RunParts run{.plan = plan,
               .ctx = ctx,
               .data = data,
               .model = model,
               .losses = losses,
               .folder = folder,
               .observers = observers_of(plan, ctx, folder),
               .bad = {folder, ctx.facts.bad},
               .plugins = registry.plugins(),
               .reader = reader,
               .from = std::move(from),
               .exact = beginning.exact};
  write_model_recipe(folder, plan, data.tokenizer);
  run.format = write_format_settings(folder, plan, ctx, reader);
  run.observers.begin(start_of(run));
  try {
    return blaming_weights(not_finite, [&] {
      const History history = fit(run);
      return score(run, history);
    });
  } catch (const InterruptedError& interrupted) {
    throw InterruptedError(std::string(interrupted.what()) +
                           ": a checkpoint is written; go on with\n  vlp run --resume " +
                           folder.path().string());
  }
}

VLP_INLINE std::vector<std::string> check_train_recipe(const Recipe& recipe,
                                                       const Registry& registry,
                                                       const CheckArguments& arguments) {
  const Plan plan = plan_training(recipe, registry, arguments.device);
  const std::optional<CheckedParts> parts = checked_parts(plan, arguments);
  const std::vector<std::string> passed = dry_pass_lines(plan, parts, arguments, /*trains=*/true);
  std::vector<std::string> lines = batch_lines(plan);
  add_lines(lines, weights_lines(plan));
  add_lines(lines, training_lines(plan));
  add_lines(lines, passed);
  add_lines(lines, data_lines(plan, parts, arguments, /*trains=*/true));
  add_lines(lines, note_lines(plan));
  return lines;
}

}  // namespace vlp
