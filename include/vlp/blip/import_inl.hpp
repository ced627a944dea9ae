#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "vlp/blip/bert_names.hpp"
#include "vlp/blip/config.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/blip/import.hpp"
#include "vlp/blip/layout.hpp"
#include "vlp/blip/names.hpp"
#include "vlp/blip/temperature.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/blip/vit_names.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/text/wordpiece.hpp"
#include "vlp/weights/config_file.hpp"
#include "vlp/weights/tensor_parts.hpp"

namespace vlp {

namespace detail {

/// The key model_type of a config.json; empty if it says none or can't be read.
[[nodiscard]] inline std::string model_type(const std::filesystem::path& config) {
  if (config.empty()) return {};
  std::ifstream in(config, std::ios::binary);
  const nlohmann::json value =
      nlohmann::json::parse(in, /*cb=*/nullptr, /*allow_exceptions=*/false);
  const bool said = value.is_object() && value.contains("model_type");
  return said && value["model_type"].is_string() ? value["model_type"].get<std::string>()
                                                 : std::string();
}

/// What text encoder and decoder have in common in a file that holds both: a value of [model]
/// sharing.
[[nodiscard]] inline const char* shared_parts(const TensorMap& tensors) {
  const std::string encoder = kTextEncoder, decoder = kTextDecoder;
  bool self_attention = true;
  for (auto at = tensors.lower_bound(encoder);
       at != tensors.end() && at->first.starts_with(encoder); ++at) {
    const auto copy = tensors.find(decoder + at->first.substr(encoder.size()));
    if (copy == tensors.end() || same_values(at->second, copy->second)) continue;
    if (at->first.find(".attention.") == at->first.npos) return "nothing";
    self_attention = false;
  }
  return self_attention ? "all" : "all_but_self_attention";
}

/// The task of a file's tensors; of one that can do both, what it is opened for. The original's
/// pre-training files hold everything, and who captions needs half of it.
[[nodiscard]] inline BlipTask opened_task(const OwnWeights& weights, const Parts& needs) {
  const BlipTask task = task_of(weights.tensors, weights.source);
  if (task != BlipTask::pretraining || needs.empty() || !weights.for_several_tasks) return task;
  if ((parts::decoder | parts::captions).covers(needs)) return BlipTask::captioning;
  return needs.contains(DecoderLogits::name) || needs.contains(Generate::name)
             ? task
             : BlipTask::retrieval;
}

/// Whether the head is tied, only the tensors tell, and so they do with the task where the config
/// doesn't say it.
[[nodiscard]] inline BlipConfig configured_blip(const std::filesystem::path& path,
                                                const OwnWeights& weights,
                                                const ImportArguments& arguments) {
  BlipConfig config =
      read_blip_config(path, arguments.console, opened_task(weights, arguments.needs));
  check_sizes(config, path.string(), weights.tensors, weights.source);
  config.tie_embeddings = has_tied_embeddings(weights.tensors, config.tie_embeddings);
  return config;
}

/// What the tensors show, with BERT's special tokens.
/// @param vocabulary  that it has to be
[[nodiscard]] inline BlipConfig derived_blip(const OwnWeights& weights,
                                             const std::filesystem::path& vocabulary,
                                             const ImportArguments& arguments) {
  BlipConfig config = derive_blip_config(weights.tensors, opened_task(weights, arguments.needs),
                                         weights.for_several_tasks ? 1e-6 : 1e-5, weights.source);
  config.tie_embeddings = has_tied_embeddings(weights.tensors);
  config.match_token = BlipMatchToken::enc;
  const WordPiece pieces(vocabulary);
  if (pieces.vocabulary_size() != config.text.options.vocabulary_size)
    throw WeightsError(
        weights.source + ": its vocabulary isn't known (got " +
        std::to_string(config.text.options.vocabulary_size) + " tokens, expected the " +
        std::to_string(pieces.vocabulary_size()) +
        " of bert-base-uncased with [DEC] and [ENC]). Put the model's config.json beside it.");
  config.text.bos = pieces.special().decode;
  config.text.sep = pieces.special().sep;
  config.text.pad = pieces.special().pad;
  arguments.console.note(
      weights.source +
      ": no config.json beside it; sizes are taken from the tensors, heads to be 64 wide");
  return config;
}

[[nodiscard]] inline Value derived_recipe(const BlipConfig& config, const OwnWeights& weights,
                                          const std::filesystem::path& vocabulary) {
  Array transforms = transform_tables(config.vision.patches.image_size,
                                      weights.for_several_tasks ? "pillow" : "torchvision");
  Table generate =
      generate_table(ConfigObject("generation_config.json"), config.text.options.max_positions);
  return blip_recipe(config, tokenizer_table(vocabulary), std::move(transforms),
                     std::move(generate), shared_parts(weights.tensors));
}

}  // namespace detail

VLP_INLINE Kinship kinship_to_blip(const ForeignModel& foreign) {
  const TensorMap& tensors = foreign.file.tensors;
  const std::string type = detail::model_type(foreign.config);
  if (type == "blip") return Kinship::whole;
  const bool text =
      has_beginning(tensors, "text_decoder.") || has_beginning(tensors, "text_encoder.");
  if (type.empty() &&
      (has_original_names(tensors) || (has_beginning(tensors, "vision_model.") && text)))
    return Kinship::whole;
  const bool part = text || has_beginning(tensors, "vision_model.") ||
                    has_original_names(tensors) || has_vit_names(tensors) ||
                    has_bert_names(tensors);
  return part ? Kinship::parts : Kinship::none;
}

VLP_INLINE OwnWeights whole_blip_weights(WeightFile file) {
  take_temperature(file);
  OwnWeights weights{.source = std::move(file.source), .tensors = std::move(file.tensors)};
  if (!has_original_names(weights.tensors)) return weights;
  weights.for_several_tasks = true;
  weights.tensors = hugging_face_names(std::move(weights.tensors));
  const auto has = [&](const char* beginning) { return has_beginning(weights.tensors, beginning); };
  if (has("text_encoder.") && has("text_decoder.") && !has("itm_head.") && !has("vision_proj."))
    weights.doubts.push_back(
        {"text_decoder",
         "looks like a model for question answering, whose decoder expects an encoded "
         "question, not an image"});
  return weights;
}

VLP_INLINE ImportedModel import_blip(ForeignModel foreign, const ImportArguments& arguments) {
  OwnWeights weights = whole_blip_weights(std::move(foreign.file));
  const auto vocabulary = arguments.share_dir / "vocabularies" / "bert-base-uncased.txt";
  const bool alone = foreign.config.empty();
  const BlipConfig config = alone ? detail::derived_blip(weights, vocabulary, arguments)
                                  : detail::configured_blip(foreign.config, weights, arguments);
  Value recipe = alone ? detail::derived_recipe(config, weights, vocabulary)
                       : hugging_face_recipe(foreign.folder, config, arguments.console);
  const BlipConfig::Text& text = config.text;
  return {.recipe = std::move(recipe),
          .tokens = {.vocabulary_size = text.options.vocabulary_size,
                     .decode = text.bos,
                     .encode = std::min(text.bos + 1, text.options.vocabulary_size - 1),
                     .sep = text.sep,
                     .pad = text.pad},
          .weights = std::move(weights)};
}

}  // namespace vlp
