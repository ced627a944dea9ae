#pragma once
// What `vlp check` tells of a recipe without running it.

#include <optional>
#include <string>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/data/data.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"

namespace vlp {

/// Pairs of an update, and what the precision asks for.
[[nodiscard]] std::vector<std::string> batch_lines(const Plan& plan);
/// What a training does beyond its first lines, one line for each option that is used: skipped
/// updates, clipped gradients, the average of the weights, evaluations, an early end, checkpoints,
/// the time it may take.
[[nodiscard]] std::vector<std::string> training_lines(const Plan& plan);
/// Where the first weights come from; weights that are not there yet are no error.
[[nodiscard]] std::vector<std::string> weights_lines(const Plan& plan);
/// What makes a training no error and yet seldom wanted: losses that are equal, parts of the model
/// that no loss or metric uses.
[[nodiscard]] std::vector<std::string> note_lines(const Plan& plan);
/// What a check builds before it looks at data.
struct CheckedParts {
  Context ctx;         ///< knows the sizes that they settle
  Preprocessing data;  ///< tokenizer and transforms
};
/// @return  nothing where the check knows no folder of vocabularies
/// @throws RecipeError, DataError if the tokenizer's vocabulary isn't there or is broken, or if the
///         prompt leaves no room for captions
[[nodiscard]] std::optional<CheckedParts> checked_parts(const Plan& plan,
                                                        const CheckArguments& arguments);
/// What a dry pass tells, of a training also how many parameters each pattern meets and how many
/// layers are computed twice; nothing of a quick check.
/// @throws what `dry_pass` throws
[[nodiscard]] std::vector<std::string> dry_pass_lines(const Plan& plan,
                                                      const std::optional<CheckedParts>& parts,
                                                      const CheckArguments& arguments, bool trains);
/// What the data say, where they are there; missing data are no error unless the check is strict or
/// looks at every image, broken data are. Of training captions, as the transforms leave them, how
/// long they are, how many the tokenizer cuts and how much of them it doesn't know. Behind the
/// length of a training, notes on a batch, a warm-up or the updates between two evaluations that
/// are more, and on an average that is still near the first weights.
/// @param parts   empty = nothing is said of what the tokenizer makes of the captions
/// @param trains  also tells how long training is
/// @throws DataError if the dataset is broken, there is nothing to train with, or, naming all of
///         them, if images can't be used that were looked at
[[nodiscard]] std::vector<std::string> data_lines(const Plan& plan,
                                                  const std::optional<CheckedParts>& parts,
                                                  const CheckArguments& arguments, bool trains);

/// Puts lines behind others.
inline void add_lines(std::vector<std::string>& lines, const std::vector<std::string>& more) {
  lines.insert(lines.end(), more.begin(), more.end());
}

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/recipe_lines_inl.hpp"
#endif
