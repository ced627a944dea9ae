#pragma once
// Files that a BLIP, or a part of one, can begin with, under the names of vlp's models: BLIPs of
// Hugging Face and of the original repository, vision transformers and BERTs. Includes no torch.

#include "vlp/concepts/format.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// @param file     as it was read
/// @param console  hears what was changed
/// @return         parts of a BLIP, momentum encoders and queues included
/// @throws WeightsError if two tensors get one name, or a temperature in metadata is none
[[nodiscard]] OwnWeights own_blip_weights(WeightFile file, const Console& console);

/// The recipe, or as much of it as is known, of the model that weights come from.
/// @throws WeightsError if the config is that of a model with other arithmetic than the tensors'
/// names promise
[[nodiscard]] Value known_blip_settings(const ForeignModel& foreign, const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/blip/own_weights_inl.hpp"
#endif
