#pragma once
// The loop over epochs and batches: steps, log lines, progress, and a call after each epoch. What happens there
// (evaluation, checkpoints, early stopping) is the caller's.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/core/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/train/options.hpp"
#include "vlp/train/trainer.hpp"

namespace vlp {

/// One line of log.jsonl.
struct LogLine {
  std::int64_t step = 0;                               ///< updates done, from 1
  std::int64_t epoch = 0;                              ///< from 1
  double loss = 0;                                     ///< mean over the updates since the last line
  std::vector<std::pair<std::string, double>> losses;  ///< of the newest update
  double lr = 0;                                       ///< of the newest update
  double grad_norm = 0;                                ///< of the newest update, before clipping
  double samples_per_s = 0;                            ///< since the last line
};

/// What the caller does with a running fit.
struct FitHooks {
  std::function<void(const LogLine&)> on_log;  ///< every log_every updates
  /// After each epoch and after the last step: epoch from 1, updates done.
  std::function<void(std::int64_t epoch, std::int64_t step)> on_epoch;
};

/// How many updates a fit will do.
struct FitLength {
  std::int64_t steps_per_epoch = 0;  ///< updates
  std::int64_t total_steps = 0;      ///< updates
};
/// Updates of an epoch and of the run. The last update of an epoch may have fewer micro-batches than the others.
[[nodiscard]] inline FitLength fit_length(std::int64_t batches_per_epoch, const TrainOptions& options) {
  const std::int64_t steps = (batches_per_epoch + options.accumulation - 1) / options.accumulation;
  const std::int64_t total = steps * options.epochs;
  return {steps, options.max_steps > 0 ? std::min(options.max_steps, total) : total};
}

/// Trains until `total_steps` updates are done.
/// @throws NonFiniteError when a logged loss is not a number or infinite
template <Model M, Loss L>
void fit(Trainer<M, L>& trainer, Loader& loader, const TrainOptions& options, const FitHooks& hooks, const Context& ctx) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const FitLength length = fit_length(loader.batches_per_epoch(), options);
  const at::Device device = torch_device(ctx.device);

  at::Tensor loss_sum;
  std::int64_t steps_since_log = 0, samples_since_log = 0;
  double seconds_before = 0;  // since the last line, before `watch` was started anew behind an epoch's end
  Clock::time_point watch = Clock::now();

  for (std::int64_t epoch = 1; trainer.steps_done() < length.total_steps; ++epoch) {
    const std::string task =
        "epoch " + std::to_string(epoch) + "/" + std::to_string((length.total_steps + length.steps_per_epoch - 1) / length.steps_per_epoch);
    loader.start_epoch(epoch - 1);
    std::vector<Batch> micro_batches;
    bool more = true;
    while (more && trainer.steps_done() < length.total_steps) {
      micro_batches.clear();
      while (static_cast<std::int64_t>(micro_batches.size()) < options.accumulation) {
        auto loaded = loader.next();
        more = loaded.has_value();
        if (!more) break;
        samples_since_log += loaded->batch.token_ids.size(0);
        micro_batches.push_back(to_device(std::move(loaded->batch), device));
      }
      if (micro_batches.empty()) break;
      const StepRecord record = trainer.step(micro_batches);
      loss_sum = loss_sum.defined() ? loss_sum + record.loss : record.loss;
      ++steps_since_log;

      const std::int64_t step = trainer.steps_done();
      if (steps_since_log < options.log_every && step != length.total_steps && step != 1) continue;
      LogLine line{
          step, epoch, (loss_sum / steps_since_log).template item<double>(), {}, record.lr, record.grad_norm.template item<double>(), 0};
      for (const auto& [name, part] : record.parts) line.losses.emplace_back(name, part.template item<double>());
      const double seconds = seconds_before + seconds_since(watch);
      line.samples_per_s = static_cast<double>(samples_since_log) / seconds;
      const double step_seconds = seconds / static_cast<double>(steps_since_log);
      seconds_before = 0;
      watch = Clock::now();
      loss_sum.reset();
      steps_since_log = samples_since_log = 0;
      if (!std::isfinite(line.loss))
        throw NonFiniteError("step " + std::to_string(step) + ": the loss is not finite (got " + std::to_string(line.loss) +
                             "). Lower the learning rate, clip gradients (train.clip_norm), or train in fp32.");
      if (hooks.on_log) hooks.on_log(line);
      ctx.console.progress({.task = task,
                            .done = step,
                            .total = length.total_steps,
                            .per_second = line.samples_per_s,
                            .unit = "samples",
                            .loss = line.loss,
                            .seconds_left = step_seconds * static_cast<double>(length.total_steps - step)});
    }
    seconds_before += seconds_since(watch);
    if (hooks.on_epoch) hooks.on_epoch(epoch, trainer.steps_done());
    watch = Clock::now();
  }
}

}  // namespace vlp
