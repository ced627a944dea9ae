#pragma once
// A dry pass: a recipe's parts put together without memory, and two made-up pairs sent through
// them, so that what doesn't fit is found before anything is read, downloaded or trained: lying
// widths, missing parts, too few positions, patches that don't divide the image, vocabularies that
// aren't there, weights that can't be shared, detached losses, optimizers that fail.

#include <string>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"

namespace vlp {

/// Builds tokenizer, transforms, model and losses; sends an image and captions through the
/// transforms of each phase. Where the recipe trains, asks the schedule for the first, a middle and
/// the last update, and does an update with a batch of the longest texts: `begin_step`, the losses,
/// backward, a step of the optimizer, `end_update`. Then evaluates: the losses, and what the
/// metrics will ask for; of captions a few tokens by the recipe's own search, with a cache of full
/// length. The dataset isn't built. Takes well below a second for BLIP base, and leaves LibTorch's
/// random numbers as they were.
/// @param plan    of the recipe
/// @param ctx     as the run will have it; its device is not used
/// @param trains  whether losses need gradients
/// @return        what couldn't be tried, a sentence each
/// @throws RecipeError, ShapeError, ContractError, ComponentError naming the part that doesn't fit
[[nodiscard]] std::vector<std::string> dry_pass(const Plan& plan, Context ctx, bool trains);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/dry_pass_inl.hpp"
#endif
