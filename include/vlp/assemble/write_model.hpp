#pragma once
// A run's model/: the recipe and the tokenizer, and, where that format can express the model,
// everything that makes it a Hugging Face folder for BlipForConditionalGeneration or
// BlipForImageTextRetrieval, and BlipProcessor.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/nn/module.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/json.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// What of a plan config.json and its companions have no words for; empty if they can say it all.
[[nodiscard]] std::string hugging_face_obstacle(const Plan& plan);

/// preprocessor_config.json for the two transforms.
[[nodiscard]] Json image_processor_json(const Value& resize, const Value& normalize);

/// generation_config.json: what differs from transformers' defaults, and the special tokens.
[[nodiscard]] Json generation_json(const GenerateOptions& options, const SpecialTokens& tokens);

/// Writes what vlp opens a model with, but for the weights: its recipe and the tokenizer's files.
void write_model_recipe(const RunFolder& folder, const Plan& plan, const AnyTokenizer& tokenizer);

/// Writes what makes the model's folder one of Hugging Face's, but for the weights, where that
/// format can express the model.
/// @param folder  of the run; model/ is in it
/// @param plan    of the run
/// @param ctx     knows special tokens and sizes; its console hears what can't be expressed
void write_hugging_face_settings(const RunFolder& folder, const Plan& plan, const Context& ctx);

/// Writes the weights of a model that it is used with: no momentum encoders. A tensor that several
/// parts share, or that the head is tied to, is written under each of its names, as transformers'
/// files have it, so that a captioner as well as a retrieval model finds its own by name. The
/// temperature goes into the metadata.
/// @throws WeightsError naming the path if it can't be written
void write_model_weights(const torch::nn::Module& module, const std::filesystem::path& path);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/write_model_inl.hpp"
#endif
