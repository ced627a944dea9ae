#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/blip/config.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/json.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/weights/config_file.hpp"

namespace vlp {

namespace detail {

// damaged one doesn't exhaust the memory

inline BlipConfig::Vision read_vision_config(const ConfigObject& file) {
  BlipConfig::Vision vision;
  file.expect("hidden_act", {"gelu"});
  file.expect("num_channels", {3});
  vision.image_size = file.side("image_size", vision.image_size, between(1, kWidest));
  vision.patch_size = file.side("patch_size", vision.patch_size, between(1, kWidest));
  vision.hidden_size = file.integer("hidden_size", vision.hidden_size, between(1, kWidest));
  vision.layers = file.integer("num_hidden_layers", vision.layers, between(1, 1024));
  vision.heads = file.integer("num_attention_heads", vision.heads, between(1, kWidest));
  vision.intermediate =
      file.integer("intermediate_size", vision.intermediate, between(1, 16 * kWidest));
  vision.layer_norm_eps = file.number("layer_norm_eps", vision.layer_norm_eps, above(0));
  if (vision.image_size % vision.patch_size != 0)
    file.wrong("image_size", "a multiple of patch_size, " + std::to_string(vision.patch_size));
  if (vision.hidden_size % vision.heads != 0)
    file.wrong("num_attention_heads",
               "heads that divide hidden_size, " + std::to_string(vision.hidden_size));
  return vision;
}

inline BlipConfig::Text read_text_config(const ConfigObject& file, const Console& console) {
  BlipConfig::Text text;
  file.expect("hidden_act", {"gelu"});
  file.expect("is_decoder", {true});
  text.vocabulary_size = file.integer("vocab_size", text.vocabulary_size, between(1, 1 << 24));
  text.hidden_size = file.integer("hidden_size", text.hidden_size, between(1, kWidest));
  text.layers = file.integer("num_hidden_layers", text.layers, between(1, 1024));
  text.heads = file.integer("num_attention_heads", text.heads, between(1, kWidest));
  text.intermediate =
      file.integer("intermediate_size", text.intermediate, between(1, 16 * kWidest));
  text.max_positions =
      file.integer("max_position_embeddings", text.max_positions, between(1, 1 << 24));
  text.layer_norm_eps = file.number("layer_norm_eps", text.layer_norm_eps, above(0));
  text.dropout = file.number("hidden_dropout_prob", text.dropout, between(0, 0.99));
  const double attention =
      file.number("attention_probs_dropout_prob", text.dropout, between(0, 0.99));
  text.label_smoothing = file.number("label_smoothing", text.label_smoothing, between(0, 1));
  const Range ids = between(0, static_cast<double>(text.vocabulary_size - 1));
  text.bos = file.integer("bos_token_id", text.bos, {});
  text.sep = file.integer("sep_token_id", text.sep, {});
  text.pad = file.integer("pad_token_id", text.pad, {});
  for (const auto& [key, id] : {std::pair("bos_token_id", text.bos),
                                {"sep_token_id", text.sep},
                                {"pad_token_id", text.pad}})
    if (!ids.contains(static_cast<double>(id)))
      file.wrong(key, "an id below vocab_size, " + std::to_string(text.vocabulary_size));
  if (text.hidden_size % text.heads != 0)
    file.wrong("num_attention_heads",
               "heads that divide hidden_size, " + std::to_string(text.hidden_size));

  if (attention != text.dropout)
    console.warning(file.file() + ": dropout of attention and of branches differ; training takes " +
                    std::to_string(text.dropout) + " for both");
  if (text.hidden_size >= 512 && text.hidden_size % 64 == 0 && text.heads != text.hidden_size / 64)
    console.warning(
        file.file() + ": text_config.num_attention_heads is " + std::to_string(text.heads) +
        (file.has("num_attention_heads") ? "" : ", transformers' default") +
        ", but BLIP's heads are 64 wide, which makes " + std::to_string(text.hidden_size / 64) +
        " of " + std::to_string(text.hidden_size) +
        ". Files from before April 2023 say 8 by mistake, and its results are then wrong; get "
        "config.json again or correct it");
  return text;
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
  config.vision = detail::read_vision_config(file.object("vision_config"));
  const ConfigObject text = file.object("text_config");
  config.text = detail::read_text_config(text, console);
  const bool tied = file.flag("tie_word_embeddings", true),
             text_tied = text.flag("tie_word_embeddings", true);
  config.tie_embeddings = tied || text_tied;  // either is enough for transformers
  if (has_text_encoder(config.task)) {
    config.embedding_width =
        file.integer("image_text_hidden_size", config.embedding_width, between(1, detail::kWidest));
    file.expect("match_token", {"cls", "enc"});
    if (file.raw("match_token") == "enc") config.match_token = BlipMatchToken::enc;
  }
  file.throw_if_wrong("Correct the file, or choose another model.");
  return config;
}

VLP_INLINE Json config_json(const BlipConfig& config) {
  const BlipConfig::Vision& vision = config.vision;
  const BlipConfig::Text& text = config.text;
  const bool retrieval = config.task == BlipTask::retrieval, tied = config.tie_embeddings;
  Json json{
      {"architectures", {retrieval ? "BlipForImageTextRetrieval" : "BlipForConditionalGeneration"}},
      {"model_type", "blip"},
      {"tie_word_embeddings", tied}};
  if (retrieval) json["image_text_hidden_size"] = config.embedding_width;
  if (retrieval && config.match_token == BlipMatchToken::enc) json["match_token"] = "enc";
  json["text_config"] = {{"model_type", "blip_text_model"},
                         {"vocab_size", text.vocabulary_size},
                         {"hidden_size", text.hidden_size},
                         {"encoder_hidden_size", vision.hidden_size},
                         {"num_hidden_layers", text.layers},
                         {"num_attention_heads", text.heads},
                         {"intermediate_size", text.intermediate},
                         {"max_position_embeddings", text.max_positions},
                         {"hidden_act", "gelu"},
                         {"layer_norm_eps", text.layer_norm_eps},
                         {"hidden_dropout_prob", text.dropout},
                         {"attention_probs_dropout_prob", text.dropout},
                         {"initializer_range", text.initializer_range},
                         {"label_smoothing", text.label_smoothing},
                         {"tie_word_embeddings", tied},
                         {"is_decoder", true},  // without it transformers makes no cross-attention
                         {"bos_token_id", text.bos},
                         {"eos_token_id", text.sep},
                         {"sep_token_id", text.sep},
                         {"pad_token_id", text.pad}};
  json["vision_config"] = {{"model_type", "blip_vision_model"},
                           {"image_size", vision.image_size},
                           {"patch_size", vision.patch_size},
                           {"hidden_size", vision.hidden_size},
                           {"num_hidden_layers", vision.layers},
                           {"num_attention_heads", vision.heads},
                           {"intermediate_size", vision.intermediate},
                           {"hidden_act", "gelu"},
                           {"layer_norm_eps", vision.layer_norm_eps},
                           {"attention_dropout", 0.0},
                           {"initializer_range", vision.initializer_range}};
  return json;
}

}  // namespace vlp
