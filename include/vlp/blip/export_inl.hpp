#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/blip/config.hpp"
#include "vlp/blip/export.hpp"
#include "vlp/blip/names.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/blip/temperature.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/recipe/recipe.hpp"

namespace vlp {

namespace detail {

[[nodiscard]] inline std::string name_at(const Value& root, std::string_view table) {
  const Value* use = value_at(root, std::string(table) + ".use");
  const std::string* name = use ? use->as<std::string>() : nullptr;
  return name ? *name : std::string();
}

/// Whether images are resized and then normalized, and no more.
[[nodiscard]] inline bool resizes_and_normalizes(const ExportedModel& model) {
  const auto is = [&](std::size_t step, std::string_view name) {
    return required_at<std::string>(model.image_transforms[step], "use") == name;
  };
  return model.image_transforms.size() == 2 && is(0, "resize") && is(1, "normalize");
}

/// What transformers will do otherwise although it opens the folder.
inline void note_differences(const ExportedModel& model, const BlipConfig& config) {
  const Console& console = model.ctx.machine.console;
  const Value& resize = model.image_transforms[0];
  if (const auto size = required_at<std::int64_t>(resize, "size");
      size != config.vision.patches.image_size)
    console.note("model/: images become " + std::to_string(size) +
                 " pixels square, positions are made for " +
                 std::to_string(config.vision.patches.image_size) +
                 "; give transformers' model interpolate_pos_encoding=True");
  if (required_at<std::string>(resize, "kernel") == "pillow")
    console.note(
        "model/preprocessor_config.json can't say kernel = \"pillow\"; give transformers' "
        "processor backend=\"pil\" for the same pixels");
  for (const std::string& name : model.text_transforms)
    console.note("model/ has no word for transform '" + name +
                 "', which changes texts; recipe.toml in it does");
  if (has_decoder(config.task) && model.generate.length_rule != GenerateOptions{}.length_rule)
    console.note(
        "model/generation_config.json can't say length_rule = \"original\"; recipe.toml beside it "
        "does");
  if (has_text_encoder(config.task) && config.match_token == BlipMatchToken::enc)
    console.note(
        "transformers keeps [CLS] where this model is trained with [ENC]: give its "
        "BlipForImageTextRetrieval texts with " +
        std::to_string(model.ctx.facts.tokens.encode) +
        " at position 0 for the same matching scores");
}

/// The rules that forbid or force tokens, those that are on.
inline void add_token_rules(const GenerateOptions& options, Json& json) {
  if (options.no_repeat_ngram_size > 0) json["no_repeat_ngram_size"] = options.no_repeat_ngram_size;
  if (!options.bad_words_ids.empty()) json["bad_words_ids"] = options.bad_words_ids;
  if (!options.suppress_tokens.empty()) json["suppress_tokens"] = options.suppress_tokens;
  if (!options.begin_suppress_tokens.empty())
    json["begin_suppress_tokens"] = options.begin_suppress_tokens;
  if (options.forced_bos_token_id >= 0) json["forced_bos_token_id"] = options.forced_bos_token_id;
  if (options.forced_eos_token_id >= 0) json["forced_eos_token_id"] = options.forced_eos_token_id;
}

/// A second name for a tensor that is there under one of the two.
inline void add_copy(NamedTensors& tensors, const char* name, const char* copy) {
  const auto found = std::ranges::find(tensors, name, &NamedTensors::value_type::first);
  if (found == tensors.end() ||
      std::ranges::count(tensors, copy, &NamedTensors::value_type::first) > 0)
    return;
  const TensorBytes bytes = found->second;
  tensors.emplace_back(copy, bytes);
}

}  // namespace detail

VLP_INLINE std::string blip_obstacle(const ExportedModel& model) {
  const Value& recipe = model.resolved;
  const auto other = [&](const std::string& part, const char* name) {
    return value_at(recipe, part) && !detail::uses(recipe, part, name);
  };
  if (!detail::uses(recipe, "model", "blip"))
    return "model '" + detail::name_at(recipe, "model") + "'";
  if (other("model.encoder", "vit")) return "an encoder other than vit";
  if (other("model.text_encoder", "bert")) return "a text encoder other than bert";
  if (other("model.decoder", "bert_cross_attention"))
    return "a decoder other than bert_cross_attention";
  const std::optional<BlipTask> task = task_of(recipe);
  if (!task) return "a text encoder without cross-attention";
  if (*task == BlipTask::pretraining) return "text encoder and decoder in one model";
  if (!detail::uses(recipe, "tokenizer", "wordpiece"))
    return "tokenizer '" + detail::name_at(recipe, "tokenizer") + "'";
  if (!detail::resizes_and_normalizes(model))
    return "transforms of images other than resize and normalize";
  return {};
}

VLP_INLINE Json image_processor_json(const Value& resize, const Value& normalize) {
  const auto numbers = [&](const char* key) {
    Json list = Json::array();
    for (const Value& value : detail::required_at<Array>(normalize, key))
      list.push_back(*value.as<double>());
    return list;
  };
  const auto size = detail::required_at<std::int64_t>(resize, "size");
  return {{"image_processor_type", "BlipImageProcessor"},
          {"processor_class", "BlipProcessor"},
          {"do_convert_rgb", true},
          {"do_resize", true},
          {"size", {{"height", size}, {"width", size}}},
          {"resample", 3},
          {"do_rescale", true},
          {"rescale_factor", 1.0 / 255},
          {"do_normalize", true},
          {"image_mean", numbers("mean")},
          {"image_std", numbers("std")}};
}

VLP_INLINE Json generation_json(const GenerateOptions& options, const SpecialTokens& tokens) {
  Json json{
      {"bos_token_id", tokens.decode}, {"eos_token_id", tokens.sep}, {"pad_token_id", tokens.pad}};
  const GenerateOptions neutral;
  if (options.beams > 1) json["num_beams"] = options.beams;
  if (options.max_new_tokens > 0)
    json["max_new_tokens"] = options.max_new_tokens;
  else
    json["max_length"] = options.max_length;
  if (options.min_length > 0) json["min_length"] = options.min_length;
  if (options.min_new_tokens > 0) json["min_new_tokens"] = options.min_new_tokens;
  if (options.length_penalty != neutral.length_penalty)
    json["length_penalty"] = options.length_penalty;
  if (options.repetition_penalty != neutral.repetition_penalty)
    json["repetition_penalty"] = options.repetition_penalty;
  detail::add_token_rules(options, json);
  if (options.early_stopping == EarlyStopping::yes) json["early_stopping"] = true;
  if (options.early_stopping == EarlyStopping::never) json["early_stopping"] = "never";
  if (options.num_captions > 1) json["num_return_sequences"] = options.num_captions;
  if (options.sample) {
    json["do_sample"] = true;
    json["temperature"] = options.temperature;
    json["top_k"] = options.top_k;
    json["top_p"] = options.top_p;
  }
  return json;
}

VLP_INLINE std::vector<FolderFile> blip_files(const ExportedModel& model) {
  const BlipConfig config = *blip_config_of(model.resolved, model.ctx);
  std::vector<FolderFile> files;
  files.push_back({"config.json", config_json(config)});
  files.push_back({"preprocessor_config.json",
                   image_processor_json(model.image_transforms[0], model.image_transforms[1])});
  if (has_decoder(config.task))
    files.push_back(
        {"generation_config.json", generation_json(model.generate, model.ctx.facts.tokens)});
  detail::note_differences(model, config);
  return files;
}

VLP_INLINE void pack_blip_tensors(NamedTensors& tensors, Metadata& metadata) {
  std::erase_if(tensors, [](const auto& named) { return is_momentum_name(named.first); });
  detail::add_copy(tensors, detail::kWords, detail::kHead);
  detail::add_copy(tensors, detail::kHeadBias, detail::kHeadBiasCopy);
  move_temperature(tensors, metadata);
}

}  // namespace vlp
