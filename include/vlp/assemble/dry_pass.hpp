#pragma once
// A dry pass: a recipe's parts put together without memory, and two made-up pairs sent through
// them, so that what doesn't fit is found before anything is read, downloaded or trained: lying
// widths, missing parts, too few positions, patches that don't divide the image, vocabularies that
// aren't there, weights that can't be shared, detached losses, optimizers that fail.

#include <cstdint>
#include <string>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/data/data.hpp"
#include "vlp/plan/plan.hpp"

namespace vlp {

/// Trained parameters that a pattern meets.
struct ParameterCount {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;  ///< numbers in them
};

/// What a dry pass finds.
struct DryPassFindings {
  std::vector<std::string> untried;    ///< what couldn't be tried, a sentence each
  std::vector<ParameterCount> frozen;  ///< by the patterns of train.freeze, where the recipe trains
  std::vector<ParameterCount> groups;  ///< by those of [[optimizer.group]], of what isn't frozen
  std::int64_t recomputed = 0;  ///< trained layers that gradient checkpointing computes twice
};

/// Builds model and losses; sends an image and captions through the
/// transforms of each phase. Freezes what the recipe freezes. Where the recipe trains, asks the
/// schedule for the first, a middle and the last update, and does an update with a batch of the
/// longest texts: `begin_step`, the losses, backward, a step of the optimizer, `end_update`. Then
/// evaluates: the losses, and what the metrics will ask for; of captions a few tokens by the
/// recipe's own search, with a cache of full length. The dataset isn't built. Takes well below a
/// second for BLIP base, and leaves LibTorch's random numbers as they were.
/// @param plan    of the recipe
/// @param ctx     as the run will have it, with the sizes that the preprocessing has settled; its
///                device is not used
/// @param data    the run's tokenizer and transforms
/// @param trains  whether losses need gradients
/// @throws RecipeError, ShapeError, ContractError, ComponentError naming the part that doesn't fit
[[nodiscard]] DryPassFindings dry_pass(const Plan& plan, Context ctx, const Preprocessing& data,
                                       bool trains);

/// The same with tokenizer and transforms of its own, of which nothing is said.
[[nodiscard]] DryPassFindings dry_pass(const Plan& plan, Context ctx, bool trains);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/dry_pass_inl.hpp"
#endif
