#pragma once
// A BLIP in other people's files, as vlp opens it: which it is, its tensors under Hugging Face's
// names, and the recipe that says the same as config.json or the tensors. Includes no torch.

#include "vlp/blip/config.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/named_tensors.hpp"

namespace vlp {

/// How near a file is to BLIP, told from config.json, if there is one, and the tensors' names.
[[nodiscard]] Kinship kinship_to_blip(const ForeignModel& foreign);

/// Translates the names of the original repository, and takes the temperature out of the metadata.
/// @throws WeightsError if two tensors get one name, or the temperature is none
[[nodiscard]] OwnWeights whole_blip_weights(WeightFile file);

/// Opens a folder with config.json, or a file with nothing beside it: sizes as its tensors show
/// them, BERT's vocabulary, BLIP's preprocessing (Pillow's for the original's files), generation as
/// transformers does it by default.
/// @throws WeightsError if it is no BLIP, or its files are broken or don't fit together
[[nodiscard]] ImportedModel import_blip(ForeignModel foreign, const ImportArguments& arguments);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/blip/import_inl.hpp"
#endif
