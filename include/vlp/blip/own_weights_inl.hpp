#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vlp/blip/bert_names.hpp"
#include "vlp/blip/config.hpp"
#include "vlp/blip/fields.hpp"
#include "vlp/blip/import.hpp"
#include "vlp/blip/names.hpp"
#include "vlp/blip/own_weights.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/blip/vit_names.hpp"
#include "vlp/core/console.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/weights/config_file.hpp"
#include "vlp/weights/renamed_tensors.hpp"
#include "vlp/weights/row_tensors.hpp"
#include "vlp/weights/tensor_parts.hpp"

namespace vlp {

namespace detail {

/// @throws WeightsError if the config is that of a model with other arithmetic than the tensors'
/// names promise
[[nodiscard]] inline Value part_settings(const std::filesystem::path& config, bool vision) {
  const ConfigObject file = read_config_file(config);
  if (vision)
    file.expect("model_type", {"vit", "deit"}, /*required=*/true);
  else
    file.expect("model_type", {"bert"}, /*required=*/true);
  file.expect("hidden_act", {"gelu"});
  file.expect("num_channels", {3});
  file.expect("qkv_bias", {true});
  file.expect("position_embedding_type", {"absolute"});
  Table part, model, recipe;
  part.set("heads", Value(file.integer("num_attention_heads", 12,
                                       between(1, kWidest))));  // transformers' default of both
  part.set("layer_norm_eps", Value(file.number("layer_norm_eps", 1e-12, above(0))));
  file.throw_if_wrong("Choose a ViT, a DeiT, a BERT or a BLIP.");
  model.set(vision ? "encoder" : "decoder", Value(std::move(part)));
  recipe.set("model", Value(std::move(model)));
  return Value(std::move(recipe));
}

/// What the original repository and timm take, of a file with their names and nothing beside it.
[[nodiscard]] inline Value timm_settings() {
  Table encoder, model, recipe;
  encoder.set("layer_norm_eps", Value(1e-6));
  model.set("encoder", Value(std::move(encoder)));
  recipe.set("model", Value(std::move(model)));
  return Value(std::move(recipe));
}

/// Query, key and value of each layer become one matrix, and their biases one vector.
inline void join_projections(TensorMap& tensors) {
  for (std::int64_t layer = 0;; ++layer) {
    const std::string attention =
        "vision_model.encoder.layers." + std::to_string(layer) + ".self_attn.";
    if (!has_beginning(tensors, attention)) return;
    for (const std::string kind : {"weight", "bias"}) {
      std::vector<TensorBytes> parts;
      for (const char* name : {"query.", "key.", "value."})
        if (const auto found = tensors.find(attention + name + kind); found != tensors.end())
          parts.push_back(found->second);
      if (parts.size() != 3 || !have_rows_alike(parts))
        continue;  // what is missing is reported when it is loaded
      for (const char* name : {"query.", "key.", "value."}) tensors.erase(attention + name + kind);
      tensors[attention + "qkv." + kind] = joined_rows(parts);
    }
  }
}

/// DeiT's second token, to which only its second head looks, goes with its position.
inline void drop_distillation_token(OwnWeights& weights, const Console& console) {
  TensorMap& tensors = weights.tensors;
  const auto token = tensors.find("vision_model.embeddings.distillation_token"),
             table = tensors.find(kPositions);
  if (token == tensors.end() || table == tensors.end() || table->second.shape.size() != 3 ||
      table->second.shape[1] < 3)
    return;
  table->second = without_row(table->second, 1);
  tensors.erase(token);
  console.note(weights.source + ": DeiT's distillation token and its position are left out");
}

/// A BERT adds to every token the embedding of its type. All of vlp's texts are of type 0, so that
/// it can stand in the positions.
inline void add_token_type(OwnWeights& weights, const Console& console) {
  const std::string embeddings = "text_decoder.bert.embeddings.";
  TensorMap& tensors = weights.tensors;
  const auto types = tensors.find(embeddings + "token_type_embeddings.weight");
  const auto table = tensors.find(embeddings + "position_embeddings.weight");
  if (types == tensors.end() || table == tensors.end()) return;
  const std::vector<std::int64_t>&positions = table->second.shape, &type = types->second.shape;
  if (type.size() != 2 || positions.size() != 2 || type[0] < 1 || type[1] != positions[1]) return;
  table->second = plus_first_row(table->second, types->second);
  tensors.erase(types);
  console.note(weights.source + ": the embedding of token type 0 is added to the positions");
}

}  // namespace detail

VLP_INLINE OwnWeights own_blip_weights(WeightFile file, const Console& console) {
  OwnWeights weights = whole_blip_weights(std::move(file));
  const bool vision = has_vit_names(weights.tensors), text = has_bert_names(weights.tensors);
  if (!vision && !text) return weights;
  RenamedTensors renamed =
      text ? bert_names(std::move(weights.tensors)) : vit_names(std::move(weights.tensors));
  weights.tensors = std::move(renamed.tensors);
  weights.left_out = std::move(renamed.left_out);
  weights.what = text ? "a BERT" : "a vision transformer";
  if (text) {
    weights.rest = "cls";
    detail::add_token_type(weights, console);
  } else {
    detail::join_projections(weights.tensors);
    detail::drop_distillation_token(weights, console);
  }
  return weights;
}

VLP_INLINE Value known_blip_settings(const ForeignModel& foreign, const Console& console) {
  const TensorMap& tensors = foreign.file.tensors;
  const bool text = has_bert_names(tensors), configured = !foreign.config.empty();
  if ((text || has_vit_names(tensors)) && configured)
    return detail::part_settings(foreign.config, /*vision=*/!text);
  const bool original = has_original_names(tensors);
  if (configured && (original || has_beginning(tensors, "vision_model."))) {
    const bool retrieval = has_beginning(tensors, detail::kTextEncoder) &&
                           !has_beginning(tensors, detail::kTextDecoder);
    Table recipe;
    recipe.set(
        "model",
        Value(model_table(read_blip_config(
            foreign.config, console, retrieval ? BlipTask::retrieval : BlipTask::captioning))));
    return Value(std::move(recipe));
  }
  return original || has_timm_names(tensors) ? detail::timm_settings() : Value();
}

}  // namespace vlp
