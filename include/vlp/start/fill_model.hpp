#pragma once
// A model's weights from files, part by part, from sources that need not hold all of it. What may
// begin at random is a whole part, a group of layers that its family names (cross-attention, a
// head), and added words or positions; half a layer is an error.

#include <torch/nn/module.h>

#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/initial_weights.hpp"

namespace vlp {

/// How much of a model its sources must give.
enum class FillPolicy {
  exact,      ///< all of it, from one file that is this model's own, or has further parts for other
              ///< tasks and says so
  all,        ///< all of it, from whatever sources: the model is evaluated as it is
  what_fits,  ///< at least something from each source; the rest begins at random
};

/// Fills a model and, unless the policy is `exact`, says what came from where. Words before all
/// names of a source, such as `module.`, are taken off, with a note, where no name begins as one of
/// the model's and without them some are the model's.
/// @param module    changed in place, on the CPU unless the policy is `exact`
/// @param weights   at least one source
/// @param policy    what must be there
/// @param resolved  the recipe of the model, every default written out
/// @param console   hears what was loaded, begins at random, was left out or changed
/// @throws WeightsError if a source gives nothing, the number of heads differs, whole parts are
/// missing or, for `exact`, too many, or tensors are missing, unexpected or mis-shaped, all listed;
/// the model is then unchanged
void fill_model(torch::nn::Module& module, const InitialWeights& weights, FillPolicy policy,
                const Value& resolved, const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/fill_model_inl.hpp"
#endif
