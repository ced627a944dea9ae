#pragma once
// A BLIP's architecture as a recipe's table [model], and back. Includes no torch.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/blip/config.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

namespace detail {

/// A text part's table but for what only one of the two has.
[[nodiscard]] inline Table text_table(const char* use, const BlipConfig::Text& text) {
  Table table;
  table.set("use", Value(use));
  table.set("width", Value(text.hidden_size));
  table.set("depth", Value(text.layers));
  table.set("heads", Value(text.heads));
  table.set("mlp", Value(text.intermediate));
  table.set("max_positions", Value(text.max_positions));
  table.set("vocabulary_size", Value(text.vocabulary_size));
  table.set("dropout", Value(text.dropout));
  table.set("layer_norm_eps", Value(text.layer_norm_eps));
  return table;
}

}  // namespace detail

/// The table [model] of a recipe for this architecture.
/// @param config   as read or derived
/// @param sharing  what text encoder and decoder have in common, if there are both
[[nodiscard]] inline Table model_table(const BlipConfig& config,
                                       const char* sharing = "all_but_self_attention") {
  const BlipConfig::Vision& vision = config.vision;
  Table encoder, model;
  encoder.set("use", Value("vit"));
  encoder.set("image_size", Value(vision.image_size));
  encoder.set("patch", Value(vision.patch_size));
  encoder.set("width", Value(vision.hidden_size));
  encoder.set("depth", Value(vision.layers));
  encoder.set("heads", Value(vision.heads));
  encoder.set("mlp", Value(vision.intermediate));
  encoder.set("layer_norm_eps", Value(vision.layer_norm_eps));
  model.set("use", Value("blip"));
  model.set("encoder", Value(std::move(encoder)));
  if (has_text_encoder(config.task)) {
    model.set("text_encoder", Value(detail::text_table("bert", config.text)));
    model.set("embedding_width", Value(config.embedding_width));
    model.set("match_token", Value(config.match_token == BlipMatchToken::enc ? "enc" : "cls"));
  }
  if (has_decoder(config.task)) {
    Table decoder = detail::text_table("bert_cross_attention", config.text);
    decoder.set("tie_embeddings", Value(config.tie_embeddings));
    model.set("decoder", Value(std::move(decoder)));
  }
  if (config.task == BlipTask::pretraining) model.set("sharing", Value(sharing));
  return model;
}

namespace detail {

/// Whether a table's `use` is `name`.
[[nodiscard]] inline bool uses(const Value& root, std::string_view key, std::string_view name) {
  const Value* use = value_at(root, std::string(key) + ".use");
  const std::string* text = use ? use->as<std::string>() : nullptr;
  return text && *text == name;
}

template <class T>
[[nodiscard]] T required_at(const Value& root, std::string_view key) {
  const Value* value = value_at(root, key);
  const T* found = value ? value->as<T>() : nullptr;
  if (!found)
    throw RecipeError("recipe: " + std::string(key) + " is missing. Give a resolved recipe.");
  return *found;
}

}  // namespace detail

/// The task of a resolved recipe's [model], if it is a blip made of vit, bert with cross-attention
/// and bert_cross_attention.
[[nodiscard]] inline std::optional<BlipTask> task_of(const Value& resolved) {
  if (!detail::uses(resolved, "model", "blip") || !detail::uses(resolved, "model.encoder", "vit"))
    return std::nullopt;
  const bool encoder = value_at(resolved, "model.text_encoder"),
             decoder = value_at(resolved, "model.decoder");
  if (decoder && !detail::uses(resolved, "model.decoder", "bert_cross_attention"))
    return std::nullopt;
  if (encoder && !(detail::uses(resolved, "model.text_encoder", "bert") &&
                   detail::required_at<bool>(resolved, "model.text_encoder.cross_attention")))
    return std::nullopt;
  if (encoder && decoder) return BlipTask::pretraining;
  return encoder ? BlipTask::retrieval : BlipTask::captioning;
}

/// How near a resolved recipe's [model] is to BLIP.
[[nodiscard]] inline Kinship kinship_to_blip(const Value& resolved) {
  if (detail::uses(resolved, "model", "blip")) return Kinship::whole;
  const bool part = detail::uses(resolved, "model.encoder", "vit") ||
                    detail::uses(resolved, "model.text_encoder", "bert") ||
                    detail::uses(resolved, "model.decoder", "bert_cross_attention");
  return part ? Kinship::parts : Kinship::none;
}

/// The architecture of a resolved recipe's model; none if it is another than `task_of` knows.
/// @param resolved  the recipe with every default written out
/// @param ctx       knows the sizes and special tokens that the recipe leaves to tokenizer and
///                  transforms
[[nodiscard]] inline std::optional<BlipConfig> blip_config_of(const Value& resolved,
                                                              const Context& ctx) {
  using detail::required_at;
  const std::optional<BlipTask> task = task_of(resolved);
  if (!task) return std::nullopt;
  const auto integer = [&](const std::string& key) {
    return required_at<std::int64_t>(resolved, "model." + key);
  };
  const auto number = [&](const std::string& key) {
    return required_at<double>(resolved, "model." + key);
  };
  const auto otherwise = [](std::int64_t value, std::int64_t instead) {
    return value > 0 ? value : instead;
  };  // 0 = left open
  BlipConfig config;
  config.task = *task;
  BlipConfig::Vision& vision = config.vision;
  vision.image_size = otherwise(integer("encoder.image_size"), ctx.dimensions.image_height);
  vision.patch_size = integer("encoder.patch");
  vision.hidden_size = integer("encoder.width");
  vision.layers = integer("encoder.depth");
  vision.heads = integer("encoder.heads");
  vision.intermediate = otherwise(integer("encoder.mlp"), 4 * vision.hidden_size);
  vision.layer_norm_eps = number("encoder.layer_norm_eps");
  vision.initializer_range = number("encoder.initializer_range");
  BlipConfig::Text& text = config.text;
  const std::string part = has_decoder(*task) ? "decoder." : "text_encoder.";
  text.vocabulary_size =
      otherwise(integer(part + "vocabulary_size"), ctx.dimensions.vocabulary_size);
  text.hidden_size = integer(part + "width");
  text.layers = integer(part + "depth");
  text.heads = integer(part + "heads");
  text.intermediate = otherwise(integer(part + "mlp"), 4 * text.hidden_size);
  text.max_positions = integer(part + "max_positions");
  text.layer_norm_eps = number(part + "layer_norm_eps");
  text.dropout = number(part + "dropout");
  text.initializer_range = number(part + "initializer_range");
  text.bos = ctx.tokens.decode;
  text.sep = ctx.tokens.sep;
  text.pad = ctx.tokens.pad;
  if (has_decoder(*task))
    config.tie_embeddings = required_at<bool>(resolved, "model.decoder.tie_embeddings");
  if (has_text_encoder(*task)) {
    config.embedding_width = integer("embedding_width");
    if (required_at<std::string>(resolved, "model.match_token") == "enc")
      config.match_token = BlipMatchToken::enc;
  }
  const Value* losses = value_at(resolved, "loss");
  if (const Array* list = losses ? losses->as<Array>() : nullptr)
    for (const Value& loss : *list)
      if (const Value* smoothing = value_at(loss, "label_smoothing");
          smoothing && smoothing->as<double>())
        text.label_smoothing = *smoothing->as<double>();
  return config;
}

}  // namespace vlp
