#pragma once
// A model of vlp's as a Hugging Face folder for BlipForConditionalGeneration or
// BlipForImageTextRetrieval, and BlipProcessor. Includes no torch.

#include <string>
#include <vector>

#include "vlp/concepts/format.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// What of a model config.json and its companions have no words for, as in "Hugging Face's BLIP
/// can't have ..."; empty if they can say it all.
[[nodiscard]] std::string blip_obstacle(const ExportedModel& model);

/// preprocessor_config.json for the two transforms.
[[nodiscard]] Json image_processor_json(const Value& resize, const Value& normalize);

/// generation_config.json: what differs from transformers' defaults, and the special tokens.
[[nodiscard]] Json generation_json(const GenerateOptions& options, const SpecialTokens& tokens);

/// Everything but the weights; the context's console hears what transformers will do otherwise.
/// @param model  without obstacle
[[nodiscard]] std::vector<FolderFile> blip_files(const ExportedModel& model);

/// Takes out momentum encoders. A tensor that several parts share, or that the head is tied to,
/// stands under each of its names, as transformers' files have it, so that a captioner as well as a
/// retrieval model finds its own by name. The temperature goes into the metadata.
void pack_blip_tensors(NamedTensors& tensors, Metadata& metadata);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/blip/export_inl.hpp"
#endif
