#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/blip/bert_names.hpp"
#include "vlp/blip/config.hpp"
#include "vlp/blip/config_file.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/blip/vit_names.hpp"
#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/fit_weights.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/start/weight_sources.hpp"
#include "vlp/weights/renamed_tensors.hpp"

namespace vlp {

namespace detail {

/// @throws WeightsError if the config is that of a model with other arithmetic than the tensors'
/// names promise
[[nodiscard]] inline Value part_settings(const std::filesystem::path& config, SourceKind kind) {
  const ConfigObject file = read_config_file(config);
  const bool vision = kind == SourceKind::vit;
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

/// The recipe, or as much of it as is known, of the model that weights come from.
[[nodiscard]] inline Value known_settings(const ModelSource& where, const WeightFile& file,
                                          SourceKind kind, bool timm, const Console& console) {
  if (kind != SourceKind::whole && !where.config.empty()) return part_settings(where.config, kind);
  if (!where.recipe.empty()) return parse_toml_file(where.recipe);
  if (!where.config.empty() && has_part(file.tensors, "vision_model.")) {
    const bool retrieval =
        has_part(file.tensors, kTextEncoder) && !has_part(file.tensors, kTextDecoder);
    Table recipe;
    recipe.set(
        "model",
        Value(model_table(read_blip_config(
            where.config, console, retrieval ? BlipTask::retrieval : BlipTask::captioning))));
    return Value(std::move(recipe));
  }
  return file.original_names || timm ? timm_settings() : Value();
}

/// Query, key and value of each layer become one matrix, and their biases one vector.
inline void join_projections(TensorMap& tensors) {
  for (std::int64_t layer = 0;; ++layer) {
    const std::string attention =
        "vision_model.encoder.layers." + std::to_string(layer) + ".self_attn.";
    if (!has_part(tensors, attention)) return;
    for (const std::string kind : {"weight", "bias"}) {
      std::vector<at::Tensor> parts;
      for (const char* name : {"query.", "key.", "value."})
        if (const auto found = tensors.find(attention + name + kind); found != tensors.end())
          parts.push_back(precise(found->second));
      if (parts.size() != 3) continue;  // what is missing is reported when it is loaded
      for (const char* name : {"query.", "key.", "value."}) tensors.erase(attention + name + kind);
      tensors[attention + "qkv." + kind] = tensor_bytes(at::cat(parts));
    }
  }
}

/// DeiT's second token, to which only its second head looks, goes with its position.
inline void drop_distillation_token(WeightFile& file, const Console& console) {
  const auto token = file.tensors.find("vision_model.embeddings.distillation_token"),
             table = file.tensors.find(kPositions);
  if (token == file.tensors.end() || table == file.tensors.end() ||
      table->second.shape.size() != 3 || table->second.shape[1] < 3)
    return;
  const at::Tensor positions = tensor_view(table->second);
  table->second = tensor_bytes(at::cat({positions.slice(1, 0, 1), positions.slice(1, 2)}, 1));
  file.tensors.erase(token);
  console.note(file.source + ": DeiT's distillation token and its position are left out");
}

/// A BERT adds to every token the embedding of its type. All of vlp's texts are of type 0, so that
/// it can stand in the positions.
inline void add_token_type(WeightFile& file, const Console& console) {
  const std::string embeddings = "text_decoder.bert.embeddings.";
  const auto types = file.tensors.find(embeddings + "token_type_embeddings.weight");
  const auto table = file.tensors.find(embeddings + "position_embeddings.weight");
  if (types == file.tensors.end() || table == file.tensors.end()) return;
  const at::Tensor positions = precise(table->second), type = precise(types->second);
  if (type.dim() != 2 || positions.dim() != 2 || type.size(0) < 1 ||
      type.size(1) != positions.size(1))
    return;
  table->second = tensor_bytes(positions + type[0]);
  file.tensors.erase(types);
  console.note(file.source + ": the embedding of token type 0 is added to the positions");
}

}  // namespace detail

VLP_INLINE WeightSource open_weight_source(std::string_view key, const std::string& name,
                                           const Console& console) {
  const ModelSource where = find_model(name);
  WeightSource source{.key = std::string(key),
                      .kind = SourceKind::whole,
                      .file = read_weight_file(where.weights),
                      .left_out = {},
                      .settings = {}};
  TensorMap& tensors = source.file.tensors;
  const bool timm = has_timm_names(tensors);
  if (has_vit_names(tensors)) source.kind = SourceKind::vit;
  if (has_bert_names(tensors)) source.kind = SourceKind::bert;
  source.settings = detail::known_settings(where, source.file, source.kind, timm, console);
  if (source.kind == SourceKind::whole) return source;
  RenamedTensors renamed = source.kind == SourceKind::vit ? vit_names(std::move(tensors))
                                                          : bert_names(std::move(tensors));
  tensors = std::move(renamed.tensors);
  source.left_out = std::move(renamed.left_out);
  if (source.kind == SourceKind::vit) {
    detail::join_projections(tensors);
    detail::drop_distillation_token(source.file, console);
  } else {
    detail::add_token_type(source.file, console);
  }
  return source;
}

}  // namespace vlp
