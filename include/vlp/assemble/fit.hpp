#pragma once
// Fits a recipe's model: the trainer's loop with evaluation, best weights, checkpoint and log after each epoch.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "vlp/assemble/fit_weights.hpp"
#include "vlp/assemble/history.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/evaluate/evaluate.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/train/fit.hpp"
#include "vlp/train/trainer.hpp"
#include "vlp/weights/state_file.hpp"

namespace vlp {

/// Evaluates on a split with the plan's metrics, writes captions, if there are any, and a line of metrics.jsonl.
/// @param model   put into evaluation mode meanwhile
/// @param losses  for the validation loss; not used where the plan has none
/// @param data    holds the split
/// @param split   which images
/// @param epoch   of the weights, 0 = given ones
/// @param step    updates done
/// @param plan    metrics, batch size, generation
/// @param ctx     device and console
/// @param folder  where captions and scores are written
[[nodiscard]] inline Evaluation evaluate_split(AnyModel& model, Objective& losses, const Data& data, Split split, std::int64_t epoch,
                                               std::int64_t step, const Plan& plan, const Context& ctx, const RunFolder& folder) {
  const Evaluator evaluator(data, plan.generate, plan.evaluate.batch_size, worker_count(plan, ctx), ctx);
  const auto records = first_images(data.dataset.records(split), plan.evaluate.max_images);
  if (records.empty()) throw DataError("dataset: the " + split_name(split) + " split is empty. Use more images or other shares.");
  Objective* objective = plan.loss.empty() ? nullptr : &losses;
  Evaluation found = evaluator(model, objective, records, build_metrics(plan, ctx), "evaluating " + split_name(split));
  write_evaluation(folder, found, split, epoch, step);
  return found;
}

/// @return  captions of an image that the losses want at once, at least 1
[[nodiscard]] inline std::int64_t captions_per_image(const Plan& plan) {
  std::int64_t most = 1;
  for (const auto& loss : plan.loss) most = std::max(most, loss.captions_per_image());
  return most;
}

/// Trains as the plan says.
/// @return  with the best epoch's weights in the model and in the folder's model/
[[nodiscard]] inline History fit(AnyModel& model, Objective losses, const Data& data, const Plan& plan, const Context& ctx,
                                 const RunFolder& folder) {
  const std::span<const ImageRecord> records = data.dataset.records(Split::train);
  if (records.empty()) throw DataError("dataset: the training split is empty. Use more images or other shares.");
  Loader loader(records, data.dataset.captions_per_image(), data.transforms.train, data.tokenizer, data.prompt,
                {.batch_size = plan.train.batch_size,
                 .shuffle = true,
                 .drop_last = true,
                 .workers = worker_count(plan, ctx),
                 .prefetch = 4,
                 .further = captions_per_image(plan) - 1,
                 .images_only = false},
                ctx);
  const FitLength length = fit_length(loader.batches_per_epoch(), plan.train);
  const AnySchedule schedule = plan.schedule ? plan.schedule->build(ctx) : AnySchedule([](const SchedulePosition&) { return 1.0; });
  Trainer trainer(model, std::move(losses), plan.optimizer->build(ctx), schedule,
                  {.clip_norm = plan.train.clip_norm, .total_steps = length.total_steps, .steps_per_epoch = length.steps_per_epoch}, ctx);

  History history;
  double best = -std::numeric_limits<double>::infinity();
  const std::filesystem::path weights = folder.subfolder("model") / "model.safetensors";
  FitHooks hooks;
  hooks.on_log = [&](const LogLine& line) { folder.append("log.jsonl", log_json(line)); };
  hooks.on_epoch = [&](std::int64_t epoch, std::int64_t step) {
    EpochRecord record{epoch, step, {}, {}, {}};
    if (plan.evaluate.every == EvaluateEvery::epoch && !data.dataset.records(Split::validation).empty()) {
      Evaluation found = evaluate_split(model, trainer.loss(), data, Split::validation, epoch, step, plan, ctx, folder);
      record.loss = found.loss;
      record.losses = std::move(found.losses);
      record.scores = std::move(found.scores);
    }
    const double value = goodness(record, plan.evaluate.best).value_or(static_cast<double>(epoch));  // without a score the last is best
    if (history.best_epoch == 0 || value > best) {
      best = value;
      history.best_epoch = epoch;
      write_model_weights(*model.ptr(), weights);
    }
    State state;
    trainer.save(state);
    State position = state.prefixed("loader");
    loader.save(position);
    save_state(state, folder.subfolder("checkpoints") / "last.safetensors");
    ctx.console.note(epoch_text(record, plan.evaluate.best, history.best_epoch == epoch));
    history.epochs.push_back(std::move(record));
  };

  const auto begin = std::chrono::steady_clock::now();
  fit(trainer, loader, plan.train, hooks, ctx);
  history.train_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  history.steps = trainer.steps_done();
  if (history.best_epoch != history.epochs.back().epoch) fill_model(*model.ptr(), read_weight_file(weights), ctx.console);
  return history;
}

}  // namespace vlp
