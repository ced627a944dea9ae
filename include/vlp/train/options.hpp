#pragma once
// The table [train] of a recipe. Includes no torch.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "vlp/core/device.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/train/checkpoint_options.hpp"

namespace vlp {

/// One [[optimizer.group]]: settings of some parameters.
struct GroupOptions {
  std::string match;
  double lr_factor = 1;
  std::optional<double> weight_decay = std::nullopt;

  static constexpr auto fields() {
    return std::tuple{
        field<&GroupOptions::match>("Names of parameters as in model/, * for any part of them, "
                                    "e.g. \"text_decoder.*\"; the first group that fits counts.",
                                    not_empty()),
        field<&GroupOptions::lr_factor>("Factor of their learning rate.", at_least(0)),
        field<&GroupOptions::weight_decay>("In place of the optimizer's, for those of them that "
                                           "decay.",
                                           at_least(0)),
    };
  }
};

/// How long and in which portions to train.
struct TrainOptions {
  std::int64_t epochs = 5;
  std::int64_t batch_size = 32;
  std::int64_t accumulation = 1;
  Precision precision = Precision::fp32;
  double clip_norm = 0;
  double ema = 0;
  bool gradient_checkpointing = false;
  std::int64_t skipped_limit = 20;
  std::vector<std::string> freeze = {};
  std::int64_t max_steps = 0;
  std::int64_t log_every = 10;
  std::int64_t workers = 0;
  std::string max_time;

  static constexpr auto fields() {
    return std::tuple{
        field<&TrainOptions::epochs>("Passes over the training split.", at_least(1)),
        field<&TrainOptions::batch_size>("Image-caption pairs per process and micro-step.",
                                         at_least(1)),
        field<&TrainOptions::accumulation>("Micro-steps whose gradients make one update.",
                                           at_least(1)),
        field<&TrainOptions::precision>(
            "Number format of the forward pass: fp32; tf32, which is fp32 whose products a GPU may "
            "round; bf16 and fp16 by autocast, fp16 with loss scaling. A CPU has fp32 and bf16."),
        field<&TrainOptions::clip_norm>(
            "Largest 2-norm of the gradients; larger ones are scaled down. 0 = no clipping.",
            at_least(0)),
        field<&TrainOptions::ema>("Share of an average of the weights that each update keeps, e.g. "
                                  "0.999; it stands beside the model, see evaluate.weights. 0 = "
                                  "none.",
                                  between(0, 1 - 1e-9)),
        field<&TrainOptions::gradient_checkpointing>(
            "Computes the layers of transformers a second time in the backward pass rather than "
            "keep what is in them: less memory, about a third more time, the same numbers."),
        field<&TrainOptions::skipped_limit>(
            "Updates in a row that fp16 may skip because a gradient isn't finite; then the run "
            "ends. All others end with the first one.",
            at_least(1)),
        field<&TrainOptions::freeze>("Parameters that keep their values: names, * for any part of "
                                     "them, e.g. [\"vision_model.*\"]."),
        field<&TrainOptions::max_steps>("Stops after this many updates, whatever `epochs` says; "
                                        "the schedule then ends there. 0 = no limit.",
                                        at_least(0)),
        field<&TrainOptions::log_every>("Updates between two lines of log.jsonl.", at_least(1)),
        field<&TrainOptions::workers>(
            "Threads that decode images and cut texts; 0 = one on a CPU, up to 16 beside a GPU.",
            between(0, 256)),
        field<&TrainOptions::max_time>(
            "Ends the run after this time as a signal would, with a checkpoint to go on from: "
            "days, "
            "hours, minutes, seconds, e.g. \"3h50m\". Empty = no limit."),
    };
  }
  /// Empty = nothing is wrong.
  [[nodiscard]] std::string problem() const {
    return max_time.empty() || duration_of(max_time)
               ? std::string()
               : "max_time is \"" + max_time + "\", expected a time such as \"3h50m\"";
  }
};

/// How many updates training will do.
struct LoopLength {
  std::int64_t steps_per_epoch = 0;  ///< updates
  std::int64_t total_steps = 0;      ///< updates
};
/// Updates of an epoch and of the run. The last update of an epoch may have fewer micro-batches
/// than the others.
[[nodiscard]] inline LoopLength loop_length(std::int64_t batches_per_epoch,
                                            const TrainOptions& options) {
  const std::int64_t steps = (batches_per_epoch + options.accumulation - 1) / options.accumulation;
  const std::int64_t total = steps * options.epochs;
  return {steps, options.max_steps > 0 ? std::min(options.max_steps, total) : total};
}

}  // namespace vlp
