#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>

#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/report/history.hpp"
#include "vlp/start/fill_model.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/tasks/fit.hpp"
#include "vlp/tasks/run_parts.hpp"
#include "vlp/train/loop.hpp"
#include "vlp/train/trainer.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/state_file.hpp"

namespace vlp {

/// @return  captions of an image that the losses want at once, at least 1
[[nodiscard]] inline std::int64_t captions_per_image(const Plan& plan) {
  std::int64_t most = 1;
  for (const auto& loss : plan.loss) most = std::max(most, loss.traits().captions_per_image);
  return most;
}

/// Whether the score that chooses the best epoch is better the smaller it is.
[[nodiscard]] inline bool less_is_better(const Plan& plan) {
  if (plan.evaluate.best == "loss") return true;
  for (const auto& metric : plan.metric)
    for (const ScoreName& score : metric.traits().scores)
      if (score.name == plan.evaluate.best) return score.less_is_better;
  return false;
}

/// @throws ContractError if scores were measured and the one that chooses the best epoch isn't
/// among them
inline void require_chooser(const Measured& measured, const std::string& chooser) {
  if (measured.scores.empty() || chooser == "loss" || score_named(measured.scores, chooser)) return;
  std::string got;
  for (const auto& [name, value] : measured.scores) got += (got.empty() ? "" : ", ") + name;
  throw ContractError("evaluate.best: no metric gave its score '" + chooser + "' (got " + got +
                      "). Let score_names and scores of the metric agree.");
}

/// The batches of training, as the recipe says.
[[nodiscard]] inline LoaderOptions training_loader(const Plan& plan, const Context& ctx) {
  LoaderOptions options;
  options.batch_size = plan.train.batch_size;
  options.shuffle = true;
  options.drop_last = true;
  options.workers = worker_count(plan, ctx);
  options.prefetch = 4;
  options.extra_captions = captions_per_image(plan) - 1;
  const Peers& peers = ctx.machine.peers;
  options.share = {peers.rank(), peers.size(), plan.train.accumulation};
  return options;
}

VLP_INLINE History fit(RunParts& run) {
  const Plan& plan = run.plan;
  const Data& data = run.data;
  const std::span<const ImageRecord> records = data.dataset.records(Split::train);
  if (records.empty())
    throw DataError("dataset: the training split is empty. Use more images or other shares.");
  Loader loader(records, data.dataset.captions_per_image(),
                {data.transforms.train, data.tokenizer, data.prompt},
                training_loader(plan, run.ctx), run.ctx);
  const LoopLength length = loop_length(loader.batches_per_epoch(), plan.train);
  Trainer trainer(run.model, run.losses, plan.optimizer->build(run.ctx),
                  {.schedule = plan.schedule ? plan.schedule->build(run.ctx) : constant_schedule(),
                   .clip_norm = plan.train.clip_norm,
                   .total_steps = length.total_steps,
                   .steps_per_epoch = length.steps_per_epoch},
                  run.ctx);

  const Peers& peers = run.ctx.machine.peers;
  History history;
  double best = -std::numeric_limits<double>::infinity();
  const std::filesystem::path weights = run.folder.subfolder("model") / "model.safetensors";
  LoopHooks hooks;
  hooks.on_log = [&](const LogLine& line) { run.observers.log(line); };
  hooks.on_epoch = [&](std::int64_t epoch, std::int64_t step) {
    EpochRecord record{epoch, step, {}};
    if (plan.evaluate.every == EvaluateEvery::epoch &&
        !data.dataset.records(Split::validation).empty())
      record.measured = evaluate_split(run, Split::validation, epoch, step).measured;
    const bool less = less_is_better(plan);
    require_chooser(record.measured, plan.evaluate.best);
    const double value = selection_score(record.measured, plan.evaluate.best, less)
                             .value_or(static_cast<double>(epoch));  // without one the last is best
    if (!std::isfinite(value))
      run.ctx.machine.console.warning(
          "epoch " + std::to_string(epoch) + ": " + plan.evaluate.best + " is not a number (got " +
          std::to_string(less ? -value : value) + "), so these weights can't be the best");
    if (history.best_epoch == 0 ||
        (std::isfinite(value) && (value > best || !std::isfinite(best)))) {
      best = value;
      history.best_epoch = epoch;
    }
    together(peers, [&] {
      if (run.folder.writes()) {
        if (history.best_epoch == epoch) {
          write_model_weights(*run.model.ptr(), weights, run.format);
          if (run.losses.module())
            save_module(*run.losses.module(), weights.parent_path() / kLossWeights);
        }
        State state;
        trainer.save(state);
        State position = state.prefixed("loader");
        loader.save(position);
        save_state(state, run.folder.subfolder("checkpoints") / "last.safetensors");
      }
      run.observers.checkpoint({.epoch = epoch,
                                .step = step,
                                .measured = record.measured,
                                .chooser = plan.evaluate.best,
                                .best = history.best_epoch == epoch});
    });
    record.measured.rows.clear();  // the observers have them
    history.epochs.push_back(std::move(record));
  };

  const auto begin = std::chrono::steady_clock::now();
  train_epochs(trainer, loader, plan.train, hooks);
  history.train_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  history.steps = trainer.steps_done();
  if (history.best_epoch != history.epochs.back().epoch) {
    const Console& console = run.ctx.machine.console;
    fill_model(*run.model.ptr(),
               {plan.formats.translate({read_weight_file(weights), weights.parent_path(), {}},
                                       plan.resolved, console),
                plan.formats.layout(plan.resolved)},
               FillPolicy::exact, plan.resolved, console);
    if (run.losses.module())
      load_module(*run.losses.module(), weights.parent_path() / kLossWeights);
  }
  return history;
}

}  // namespace vlp
