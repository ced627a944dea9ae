#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "vlp/blip/config.hpp"
#include "vlp/blip/fields.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/json.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/weights/config_file.hpp"

namespace vlp {

namespace detail {

/// What config.json says of one side.
inline void read_fields_of(BlipSide side, const ConfigObject& file, BlipConfig& config) {
  for_each_field_of(side, config, [&](const BlipField& field, auto& member) {
    if (field.fresh) return;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, double>)
      member = file.number(field.key, member, field.range);
    else
      member = field.square ? file.side(field.key, member, field.range)
                            : file.integer(field.key, member, field.range);
  });
}

inline void check_heads(const ConfigObject& file, const TransformerSizes& sizes) {
  if (sizes.width % sizes.heads != 0)
    file.wrong("num_attention_heads",
               "heads that divide hidden_size, " + std::to_string(sizes.width));
}

inline void read_vision_config(const ConfigObject& file, BlipConfig& config) {
  const BlipConfig::Vision& vision = config.vision;
  file.expect("hidden_act", {"gelu"});
  file.expect("num_channels", {3});
  read_fields_of(BlipSide::vision, file, config);
  if (vision.patches.image_size % vision.patches.patch != 0)
    file.wrong("image_size", "a multiple of patch_size, " + std::to_string(vision.patches.patch));
  check_heads(file, vision.sizes);
}

inline void warn_of_heads(const ConfigObject& file, const TransformerSizes& sizes,
                          const Console& console) {
  if (sizes.width >= 512 && sizes.width % 64 == 0 && sizes.heads != sizes.width / 64)
    console.warning(
        file.file() + ": text_config.num_attention_heads is " + std::to_string(sizes.heads) +
        (file.has("num_attention_heads") ? "" : ", transformers' default") +
        ", but BLIP's heads are 64 wide, which makes " + std::to_string(sizes.width / 64) + " of " +
        std::to_string(sizes.width) +
        ". Files from before April 2023 say 8 by mistake, and its results are then wrong; get "
        "config.json again or correct it");
}

inline void read_text_config(const ConfigObject& file, const Console& console, BlipConfig& config) {
  BlipConfig::Text& text = config.text;
  file.expect("hidden_act", {"gelu"});
  file.expect("is_decoder", {true});
  read_fields_of(BlipSide::text, file, config);
  const double dropout = text.options.dropout;
  const double attention = file.number("attention_probs_dropout_prob", dropout, between(0, 0.99));
  text.label_smoothing = file.number("label_smoothing", text.label_smoothing, between(0, 1));
  const std::int64_t words = text.options.vocabulary_size;
  for (const auto& [key, id] : {std::pair("bos_token_id", &text.bos),
                                {"sep_token_id", &text.sep},
                                {"pad_token_id", &text.pad}})
    *id = file.integer(key, *id, {});
  for (const auto& [key, id] : {std::pair("bos_token_id", text.bos),
                                {"sep_token_id", text.sep},
                                {"pad_token_id", text.pad}})
    if (!between(0, static_cast<double>(words - 1)).contains(static_cast<double>(id)))
      file.wrong(key, "an id below vocab_size, " + std::to_string(words));
  check_heads(file, text.sizes);
  if (attention != dropout)
    console.warning(file.file() + ": dropout of attention and of branches differ; training takes " +
                    std::to_string(dropout) + " for both");
  warn_of_heads(file, text.sizes, console);
}

inline constexpr std::array<std::pair<std::string_view, BlipTask>, 2> kArchitectures{
    {{"BlipForConditionalGeneration", BlipTask::captioning},
     {"BlipForImageTextRetrieval", BlipTask::retrieval}}};

/// The task of the key `architectures`, which names one class; `otherwise` if it is missing.
inline BlipTask read_task(const ConfigObject& file, BlipTask otherwise) {
  if (!file.has("architectures")) return otherwise;
  for (const auto& [name, task] : kArchitectures)
    if (file.raw("architectures") == nlohmann::json::array({std::string(name)})) return task;
  file.wrong("architectures",
             R"(["BlipForConditionalGeneration"] or ["BlipForImageTextRetrieval"])");
  return otherwise;
}

}  // namespace detail

VLP_INLINE BlipConfig read_blip_config(const std::filesystem::path& path, const Console& console,
                                       BlipTask otherwise) {
  const ConfigObject file = read_config_file(path);
  BlipConfig config;
  file.expect("model_type", {"blip"}, /*required=*/true);
  config.task = detail::read_task(file, otherwise);
  file.throw_if_wrong("Choose a BLIP model for captioning or for image-text retrieval.");
  detail::read_vision_config(file.object("vision_config"), config);
  const ConfigObject text = file.object("text_config");
  detail::read_text_config(text, console, config);
  const bool tied = file.flag("tie_word_embeddings", true),
             text_tied = text.flag("tie_word_embeddings", true);
  config.tie_embeddings = tied || text_tied;  // either is enough for transformers
  if (has_text_encoder(config.task)) {
    detail::read_fields_of(BlipSide::whole, file, config);
    file.expect("match_token", {"cls", "enc"});
    if (file.raw("match_token") == "enc") config.match_token = BlipMatchToken::enc;
  }
  file.throw_if_wrong("Correct the file, or choose another model.");
  return config;
}

namespace detail {

/// The fields of one side, and behind some of them what transformers wants to be told too.
/// @param behind  called as `behind(key, object)`
template <class Behind>
[[nodiscard]] Json side_json(BlipSide side, const BlipConfig& config, const char* type,
                             const Behind& behind) {
  Json object{{"model_type", type}};
  for_each_field_of(side, config, [&](const BlipField& field, const auto& member) {
    object[field.key] = member;
    behind(std::string_view(field.key), object);
  });
  return object;
}

[[nodiscard]] inline Json text_config_json(const BlipConfig& config) {
  const BlipConfig::Text& text = config.text;
  Json json =
      side_json(BlipSide::text, config, "blip_text_model", [&](std::string_view key, Json& object) {
        if (key == "hidden_size") object["encoder_hidden_size"] = config.vision.sizes.width;
        if (key == "max_position_embeddings") object["hidden_act"] = "gelu";
        if (key == "hidden_dropout_prob")
          object["attention_probs_dropout_prob"] = text.options.dropout;
      });
  json["label_smoothing"] = text.label_smoothing;
  json["tie_word_embeddings"] = config.tie_embeddings;
  json["is_decoder"] = true;  // without it transformers makes no cross-attention
  json["bos_token_id"] = text.bos;
  json["eos_token_id"] = text.sep;
  json["sep_token_id"] = text.sep;
  json["pad_token_id"] = text.pad;
  return json;
}

[[nodiscard]] inline Json vision_config_json(const BlipConfig& config) {
  return side_json(BlipSide::vision, config, "blip_vision_model",
                   [](std::string_view key, Json& object) {
                     if (key == "intermediate_size") object["hidden_act"] = "gelu";
                     if (key == "layer_norm_eps") object["attention_dropout"] = 0.0;
                   });
}

}  // namespace detail

VLP_INLINE Json config_json(const BlipConfig& config) {
  const bool retrieval = config.task == BlipTask::retrieval;
  Json json{
      {"architectures", {retrieval ? "BlipForImageTextRetrieval" : "BlipForConditionalGeneration"}},
      {"model_type", "blip"},
      {"tie_word_embeddings", config.tie_embeddings}};
  if (retrieval)
    for_each_field_of(BlipSide::whole, config, [&](const BlipField& field, const auto& member) {
      json[field.key] = member;
    });
  if (retrieval && config.match_token == BlipMatchToken::enc) json["match_token"] = "enc";
  json["text_config"] = detail::text_config_json(config);
  json["vision_config"] = detail::vision_config_json(config);
  return json;
}

}  // namespace vlp
