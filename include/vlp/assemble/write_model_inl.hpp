#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/nn/module.h>

#include "vlp/assemble/write_model.hpp"
#include "vlp/blip/config.hpp"
#include "vlp/blip/names.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/blip/temperature.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace detail {

/// The transforms of images in evaluation, resolved, if they are resize and normalize; else none.
[[nodiscard]] inline std::optional<std::pair<Value, Value>> resize_and_normalize(const Plan& plan) {
  std::vector<Value> steps;
  for (const TransformUse& use : plan.transform)
    if (use.extra.when != When::train && !use.traits().is_text) steps.push_back(use.write());
  const auto is = [&](std::size_t step, std::string_view name) {
    return required_at<std::string>(steps[step], "use") == name;
  };
  if (steps.size() != 2 || !is(0, "resize") || !is(1, "normalize")) return std::nullopt;
  return std::pair(steps[0], steps[1]);
}

}  // namespace detail

VLP_INLINE std::string hugging_face_obstacle(const Plan& plan) {
  const Value& recipe = plan.resolved;
  const auto other = [&](const std::string& part, const char* name) {
    return value_at(recipe, part) && !detail::uses(recipe, part, name);
  };
  if (!detail::uses(recipe, "model", "blip")) return "model '" + plan.model.name() + "'";
  if (other("model.encoder", "vit")) return "an encoder other than vit";
  if (other("model.text_encoder", "bert")) return "a text encoder other than bert";
  if (other("model.decoder", "bert_cross_attention"))
    return "a decoder other than bert_cross_attention";
  const std::optional<BlipTask> task = task_of(recipe);
  if (!task) return "a text encoder without cross-attention";
  if (*task == BlipTask::pretraining) return "text encoder and decoder in one model";
  if (!detail::uses(recipe, "tokenizer", "wordpiece"))
    return "tokenizer '" + plan.tokenizer.name() + "'";
  if (!detail::resize_and_normalize(plan))
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
  if (options.length_penalty != neutral.length_penalty)
    json["length_penalty"] = options.length_penalty;
  if (options.repetition_penalty != neutral.repetition_penalty)
    json["repetition_penalty"] = options.repetition_penalty;
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

namespace detail {

/// What transformers will do otherwise although it opens the folder.
inline void note_differences(const Plan& plan, const Value& resize, const BlipConfig& config,
                             const Context& ctx) {
  if (const auto size = required_at<std::int64_t>(resize, "size"); size != config.vision.image_size)
    ctx.machine.console.note("model/: images become " + std::to_string(size) +
                             " pixels square, positions are made for " +
                             std::to_string(config.vision.image_size) +
                             "; give transformers' model interpolate_pos_encoding=True");
  if (required_at<std::string>(resize, "kernel") == "pillow")
    ctx.machine.console.note(
        "model/preprocessor_config.json can't say kernel = \"pillow\"; give transformers' "
        "processor backend=\"pil\" for the same pixels");
  for (const TransformUse& use : plan.transform)
    if (use.extra.when != When::train && use.traits().is_text)
      ctx.machine.console.note("model/ has no word for transform '" + use.name() +
                               "', which changes texts; recipe.toml in it does");
  if (has_decoder(config.task) && plan.generate.length_rule != GenerateOptions{}.length_rule)
    ctx.machine.console.note(
        "model/generation_config.json can't say length_rule = \"original\"; recipe.toml beside it "
        "does");
  if (has_text_encoder(config.task) && config.match_token == BlipMatchToken::enc)
    ctx.machine.console.note(
        "transformers keeps [CLS] where this model is trained with [ENC]: give its "
        "BlipForImageTextRetrieval texts with " +
        std::to_string(ctx.facts.tokens.encode) + " at position 0 for the same matching scores");
}

}  // namespace detail

VLP_INLINE void write_model_recipe(const RunFolder& folder, const Plan& plan,
                                   const AnyTokenizer& tokenizer) {
  folder.write("model/recipe.toml", write_toml(plan.resolved));
  tokenizer.write(folder.subfolder("model"));
}

VLP_INLINE void write_hugging_face_settings(const RunFolder& folder, const Plan& plan,
                                            const Context& ctx) {
  if (const std::string obstacle = hugging_face_obstacle(plan); !obstacle.empty()) {
    ctx.machine.console.note(
        "model/ holds safetensors with the recipe: Hugging Face's BLIP can't have " + obstacle);
    return;
  }
  const auto [resize, normalize] = *detail::resize_and_normalize(plan);
  const BlipConfig config = *blip_config_of(plan.resolved, ctx);
  folder.write("model/config.json", Json(config_json(config)));
  folder.write("model/preprocessor_config.json", image_processor_json(resize, normalize));
  if (has_decoder(config.task))
    folder.write("model/generation_config.json", generation_json(plan.generate, ctx.facts.tokens));
  detail::note_differences(plan, resize, config, ctx);
}

VLP_INLINE void write_model_weights(const torch::nn::Module& module,
                                    const std::filesystem::path& path) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : detail::all_tensors(module))
    if (!is_momentum_name(name)) tensors.emplace_back(name, tensor_bytes(tensor));
  const auto add_copy = [&](const char* name, const char* copy) {
    const auto found = std::ranges::find(tensors, name, &NamedTensors::value_type::first);
    if (found == tensors.end() ||
        std::ranges::count(tensors, copy, &NamedTensors::value_type::first) > 0)
      return;
    const TensorBytes bytes = found->second;
    tensors.emplace_back(copy, bytes);
  };
  add_copy(detail::kWords, detail::kHead);
  add_copy(detail::kHeadBias, detail::kHeadBiasCopy);
  Metadata metadata{{"format", "pt"}};
  move_temperature(tensors, metadata);
  write_safetensors(path, tensors, metadata);
}

}  // namespace vlp
