#pragma once
// A BLIP captioner's architecture as a recipe's table [model], and back. Includes no torch.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/assemble/blip_config.hpp"
#include "vlp/core/context.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// The table [model] of a recipe for this architecture.
[[nodiscard]] inline Table model_table(const BlipConfig& config) {
  const auto& [vision, text, tied] = config;
  Table encoder, decoder, model;
  encoder.set("use", Value("vit"));
  encoder.set("image_size", Value(vision.image_size));
  encoder.set("patch", Value(vision.patch_size));
  encoder.set("width", Value(vision.hidden_size));
  encoder.set("depth", Value(vision.layers));
  encoder.set("heads", Value(vision.heads));
  encoder.set("mlp", Value(vision.intermediate));
  encoder.set("layer_norm_eps", Value(vision.layer_norm_eps));
  decoder.set("use", Value("bert_cross_attention"));
  decoder.set("width", Value(text.hidden_size));
  decoder.set("depth", Value(text.layers));
  decoder.set("heads", Value(text.heads));
  decoder.set("mlp", Value(text.intermediate));
  decoder.set("max_positions", Value(text.max_positions));
  decoder.set("vocabulary_size", Value(text.vocabulary_size));
  decoder.set("dropout", Value(text.dropout));
  decoder.set("layer_norm_eps", Value(text.layer_norm_eps));
  decoder.set("tie_embeddings", Value(tied));
  model.set("use", Value("blip"));
  model.set("encoder", Value(std::move(encoder)));
  model.set("decoder", Value(std::move(decoder)));
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
  if (!found) throw RecipeError("recipe: " + std::string(key) + " is missing. Give a resolved recipe.");
  return *found;
}

}  // namespace detail

/// The architecture of a resolved recipe's model; none if it is not made of blip, vit and bert_cross_attention.
/// @param resolved  the recipe with every default written out
/// @param ctx       knows the sizes and special tokens that the recipe leaves to tokenizer and transforms
[[nodiscard]] inline std::optional<BlipConfig> blip_config_of(const Value& resolved, const Context& ctx) {
  using detail::required_at;
  if (!detail::uses(resolved, "model", "blip") || !detail::uses(resolved, "model.encoder", "vit") ||
      !detail::uses(resolved, "model.decoder", "bert_cross_attention"))
    return std::nullopt;
  const auto integer = [&](const std::string& key) { return required_at<std::int64_t>(resolved, "model." + key); };
  const auto number = [&](const std::string& key) { return required_at<double>(resolved, "model." + key); };
  const auto otherwise = [](std::int64_t value, std::int64_t instead) { return value > 0 ? value : instead; };  // 0 = left open
  BlipConfig config;
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
  text.vocabulary_size = otherwise(integer("decoder.vocabulary_size"), ctx.dimensions.vocabulary_size);
  text.hidden_size = integer("decoder.width");
  text.layers = integer("decoder.depth");
  text.heads = integer("decoder.heads");
  text.intermediate = otherwise(integer("decoder.mlp"), 4 * text.hidden_size);
  text.max_positions = integer("decoder.max_positions");
  text.layer_norm_eps = number("decoder.layer_norm_eps");
  text.dropout = number("decoder.dropout");
  text.initializer_range = number("decoder.initializer_range");
  text.bos = ctx.tokens.decode;
  text.sep = ctx.tokens.sep;
  text.pad = ctx.tokens.pad;
  config.tie_embeddings = required_at<bool>(resolved, "model.decoder.tie_embeddings");
  const Value* losses = value_at(resolved, "loss");
  if (const Array* list = losses ? losses->as<Array>() : nullptr)
    for (const Value& loss : *list)
      if (const Value* smoothing = value_at(loss, "label_smoothing"); smoothing && smoothing->as<double>())
        text.label_smoothing = *smoothing->as<double>();
  return config;
}

}  // namespace vlp
