#pragma once
// What a training step needs to know besides model, loss and optimizer.

#include <cstdint>
#include <string>
#include <vector>

#include "vlp/concepts/schedule.hpp"
#include "vlp/train/options.hpp"

namespace vlp {

/// What a step needs to know besides model, loss, optimizer and schedule.
struct TrainerOptions {
  AnySchedule schedule = constant_schedule();  ///< factor of the optimizer's learning rate
  double clip_norm = 0;              ///< gradients are scaled down to this 2-norm; 0 = never
  std::int64_t total_steps = 1;      ///< updates of the whole run, for the schedule
  std::int64_t steps_per_epoch = 1;  ///< updates of one epoch, for the schedule
  double ema = 0;  ///< share that an average of the weights keeps in each update; 0 = no average
  bool gradient_checkpointing = false;    ///< layers are computed again in the backward pass
  std::int64_t skipped_limit = 0;         ///< skipped updates in a row after which nothing changes
                                          ///< any more, see `SkipCounter`; 0 = none
  std::vector<std::string> freeze = {};   ///< patterns of names, see `freeze_parameters`
  std::vector<GroupOptions> groups = {};  ///< see `parameter_groups`
};

}  // namespace vlp
