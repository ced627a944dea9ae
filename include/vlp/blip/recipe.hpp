#pragma once
// A BLIP's architecture as a recipe's table [model], and back. Includes no torch.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "vlp/blip/config.hpp"
#include "vlp/blip/fields.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

namespace detail {

/// The table of a part: `use`, and the fields of its side.
[[nodiscard]] inline Table part_table(const char* use, BlipSide side, const BlipConfig& config) {
  Table table;
  table.set("use", Value(use));
  for_each_field_of(side, config, [&](const BlipField& field, const auto& member) {
    if (field.option && !field.fresh) table.set(field.option, Value(member));
  });
  return table;
}

}  // namespace detail

/// The table [model] of a recipe for this architecture.
/// @param config   as read or derived
/// @param sharing  what text encoder and decoder have in common, if there are both
[[nodiscard]] inline Table model_table(const BlipConfig& config,
                                       const char* sharing = "all_but_self_attention") {
  Table model;
  model.set("use", Value("blip"));
  model.set("encoder", Value(detail::part_table("vit", BlipSide::vision, config)));
  if (has_text_encoder(config.task)) {
    model.set("text_encoder", Value(detail::part_table("bert", BlipSide::text, config)));
    for_each_field_of(BlipSide::whole, config, [&](const BlipField& field, const auto& member) {
      model.set(field.option, Value(member));
    });
    model.set("match_token", Value(config.match_token == BlipMatchToken::enc ? "enc" : "cls"));
  }
  if (has_decoder(config.task)) {
    Table decoder = detail::part_table("bert_cross_attention", BlipSide::text, config);
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
  const auto otherwise = [](std::int64_t value, std::int64_t instead) {
    return value > 0 ? value : instead;
  };  // 0 = left open
  BlipConfig config;
  config.task = *task;
  const auto take = [&](BlipSide side, const std::string& table) {
    for_each_field_of(side, config, [&](const BlipField& field, auto& member) {
      using T = std::remove_cvref_t<decltype(member)>;
      if (field.option) member = required_at<T>(resolved, table + field.option);
    });
  };
  take(BlipSide::vision, "model.encoder.");
  take(BlipSide::text, has_decoder(*task) ? "model.decoder." : "model.text_encoder.");
  if (has_text_encoder(*task)) take(BlipSide::whole, "model.");
  PatchOptions& patches = config.vision.patches;
  patches.image_size = otherwise(patches.image_size, ctx.facts.dimensions.image_height);
  BlipConfig::Text& text = config.text;
  text.options.vocabulary_size =
      otherwise(text.options.vocabulary_size, ctx.facts.dimensions.vocabulary_size);
  for (TransformerSizes* sizes : {&config.vision.sizes, &text.sizes}) sizes->mlp = sizes->hidden();
  text.bos = ctx.facts.tokens.decode;
  text.sep = ctx.facts.tokens.sep;
  text.pad = ctx.facts.tokens.pad;
  if (has_decoder(*task))
    config.tie_embeddings = required_at<bool>(resolved, "model.decoder.tie_embeddings");
  if (has_text_encoder(*task) && required_at<std::string>(resolved, "model.match_token") == "enc")
    config.match_token = BlipMatchToken::enc;
  const Value* losses = value_at(resolved, "loss");
  if (const Array* list = losses ? losses->as<Array>() : nullptr)
    for (const Value& loss : *list)
      if (const Value* smoothing = value_at(loss, "label_smoothing");
          smoothing && smoothing->as<double>())
        text.label_smoothing = *smoothing->as<double>();
  return config;
}

}  // namespace vlp
