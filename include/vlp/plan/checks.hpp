#pragma once
// What can be wrong with tables taken together. Each check adds what it finds to the problems of
// the recipe; none builds a model or reads data. What has mistakes of its own is not compared with
// anything: defaults stand in for what couldn't be read.

#include <optional>

#include "vlp/core/device.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/tables.hpp"
#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/start/formats.hpp"

namespace vlp {

/// What every task of a model checks: all that is below but what is a task's own (`check_training`,
/// `check_weights`) or the device's (`check_precision`).
/// @param trains  whether the transforms of training take part
void check_tables(const RecipeOptions& options, const Recipe& recipe, bool trains,
                  Diagnostics& problems);
/// What training needs beside the model: losses, an optimizer, batches as large as the losses want.
void check_training(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);
/// Number formats that only a GPU has.
/// @param device  where the recipe will run; none = not known, and nothing is checked
void check_precision(const RecipeOptions& options, const Recipe& recipe,
                     std::optional<DeviceName> device, Diagnostics& problems);
/// What only an evaluation needs: weights.
void check_weights(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);
/// Sources of weights for parts that the recipe's model doesn't have, as far as its format tells.
void check_weight_keys(const RecipeOptions& options, const Recipe& recipe, const Formats& formats,
                       Diagnostics& problems);
/// Losses of what the model doesn't serve; they are computed in evaluation as well.
void check_losses(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);
/// Metrics of what the model doesn't serve.
void check_metrics(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);
/// Transforms that don't make a model's input, in evaluation or, where there is any, in training;
/// a size that is fixed in one of the two only, which is a transform that was forgotten; and one
/// that the model says it can't take.
void check_transforms(const RecipeOptions& options, const Recipe& recipe, bool trains,
                      Diagnostics& problems);
/// Texts of the tokenizer, or captions where a metric asks for some, that are longer than what the
/// model reads or writes, as far as the components say it before they are built.
void check_lengths(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);
/// Ways of generating that exclude each other.
void check_generation(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);
/// Scores of one name, and a choice of the best by a score that nothing gives.
void check_scores(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/plan/checks_inl.hpp"
#endif
