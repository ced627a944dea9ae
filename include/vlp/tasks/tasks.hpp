#pragma once
// The tasks that vlp has: one file and one line here for each.

#include <array>
#include <span>

#include "vlp/tasks/evaluate.hpp"
#include "vlp/tasks/task.hpp"
#include "vlp/tasks/train.hpp"

namespace vlp {

/// By the value of `[run] task`; the first is the default.
inline constexpr std::array kTasks{
    Task{"train", "fits the model", &train, &check_train_recipe},
    Task{"evaluate", "scores given weights", &evaluate, &check_evaluate_recipe},
};

}  // namespace vlp
