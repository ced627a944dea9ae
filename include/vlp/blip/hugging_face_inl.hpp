#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vlp/blip/config.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/weights/config_file.hpp"
#include "vlp/weights/wordpiece_files.hpp"

namespace vlp {

VLP_INLINE Array transform_tables(std::int64_t size, const std::string& kernel,
                                  const std::vector<double>& mean, const std::vector<double>& std) {
  Table resize, normalize;
  resize.set("use", Value("resize"));
  resize.set("size", Value(size));
  resize.set("kernel", Value(kernel));
  normalize.set("use", Value("normalize"));
  normalize.set("mean", Value(Array(mean.begin(), mean.end())));
  normalize.set("std", Value(Array(std.begin(), std.end())));
  return {Value(std::move(resize)), Value(std::move(normalize))};
}

namespace detail {

/// The one side of a square `size`, which is a number in old files and {height, width} in newer
/// ones.
inline std::int64_t square_size(const ConfigObject& file, std::int64_t otherwise) {
  if (!file.has("size")) return otherwise;
  if (!file.raw("size").is_object()) return file.integer("size", otherwise, between(1, 4096));
  const ConfigObject size = file.object("size");
  const std::int64_t height = size.integer("height", 0, between(1, 4096)),
                     width = size.integer("width", 0, between(1, 4096));
  if (height != width || height == 0) file.wrong("size", "height and width, the same for both");
  return height;
}

/// The settings of the image processor; older versions keep them in a file of their own.
inline std::optional<ConfigObject> image_processor_config(const std::filesystem::path& folder) {
  if (const auto file = folder / "processor_config.json"; std::filesystem::is_regular_file(file)) {
    const ConfigObject processor = read_config_file(file);
    if (processor.has("image_processor")) return processor.object("image_processor");
  }
  if (const auto file = folder / "preprocessor_config.json"; std::filesystem::is_regular_file(file))
    return read_config_file(file);
  return std::nullopt;
}

}  // namespace detail

VLP_INLINE Array read_image_processor(const std::filesystem::path& folder, const BlipConfig& config,
                                      const Console& console) {
  const auto found = detail::image_processor_config(folder);
  if (!found) {
    console.note(folder.string() + ": no preprocessor_config.json; images become " +
                 std::to_string(config.vision.patches.image_size) +
                 " pixels square, with BLIP's mean and standard deviation");
    return transform_tables(config.vision.patches.image_size, "torchvision");
  }
  const ConfigObject& file = *found;
  file.expect("image_processor_type",
              {"BlipImageProcessor", "BlipImageProcessorFast", "BlipImageProcessorPil"});
  file.expect("feature_extractor_type", {"BlipFeatureExtractor", "BlipImageProcessor"});
  file.expect("resample", {3});
  file.expect("do_resize", {true});
  file.expect("do_center_crop", {false, nullptr});
  file.expect("do_pad", {false, nullptr});
  const std::int64_t size = detail::square_size(file, config.vision.patches.image_size);
  if (size % config.vision.patches.patch != 0)
    file.wrong("size", "a multiple of the model's patch_size, " +
                           std::to_string(config.vision.patches.patch));
  const double factor = file.number("rescale_factor", 1.0 / 255, above(0));
  const double scale =
      file.flag("do_rescale", true) ? 255 * factor : 255;  // what 0-1 has to be multiplied by
  const bool normalize = file.flag("do_normalize", true);
  std::vector<double> mean = file.numbers("image_mean", detail::kBlipMean);
  std::vector<double> std = file.numbers("image_std", detail::kBlipStd);
  for (const double x : std)
    if (!(x > 0)) file.wrong("image_std", "numbers above 0");
  file.throw_if_wrong(
      "Preprocess the images yourself and give --pixel-values, or correct the file.");

  if (size != config.vision.patches.image_size)
    console.note(file.file() + ": images become " + std::to_string(size) +
                 " pixels square; the model's positions, made for " +
                 std::to_string(config.vision.patches.image_size) + ", are interpolated");
  if (!normalize) mean = {0, 0, 0}, std = {1, 1, 1};
  if (std::abs(scale - 1) > 1e-9)
    for (double* x : {&mean[0], &mean[1], &mean[2], &std[0], &std[1], &std[2]}) *x /= scale;
  return transform_tables(size, "torchvision", mean, std);
}

VLP_INLINE Table tokenizer_table(const std::filesystem::path& vocabulary) {
  Table table;
  table.set("use", Value("wordpiece"));
  table.set("vocabulary", Value(vocabulary.string()));
  table.set("max_length", Value(std::int64_t{1'000'000}));
  return table;
}

VLP_INLINE std::optional<Table> read_tokenizer(const std::filesystem::path& folder) {
  const auto vocabulary = wordpiece_vocabulary(folder);
  return vocabulary ? std::optional(tokenizer_table(*vocabulary)) : std::nullopt;
}

namespace detail {

/// Settings that change what is generated and that vlp doesn't have, with the values that change
/// nothing.
inline void refuse_other_decoding(const ConfigObject& file) {
  for (const char* key :
       {"no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_new_tokens", "epsilon_cutoff",
        "eta_cutoff", "diversity_penalty", "penalty_alpha", "min_p", "prompt_lookup_num_tokens"})
    file.expect(key, {0, nullptr});
  for (const char* key :
       {"num_beam_groups", "typical_p", "encoder_repetition_penalty", "guidance_scale", "top_h"})
    file.expect(key, {1, nullptr});
  for (const char* key : {"bad_words_ids", "force_words_ids", "constraints", "forced_bos_token_id",
                          "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens",
                          "sequence_bias", "exponential_decay_length_penalty",
                          "watermarking_config", "stop_strings", "max_time", "dola_layers"})
    file.expect(key, {nullptr});
  for (const char* key : {"renormalize_logits", "remove_invalid_values", "token_healing"})
    file.expect(key, {false, nullptr});
}

inline const char* early_stopping_name(const ConfigObject& file) {
  if (!file.has("early_stopping")) return "no";
  file.expect("early_stopping", {false, true, "never"});
  return file.raw("early_stopping") == true      ? "yes"
         : file.raw("early_stopping") == "never" ? "never"
                                                 : "no";
}

}  // namespace detail

VLP_INLINE Table generate_table(const ConfigObject& file, std::int64_t positions) {
  const auto set = [&](Table& table, const char* key, const char* theirs, auto otherwise,
                       const Range& range) {
    if (!file.has(theirs))
      table.set(key, Value(otherwise));
    else if constexpr (std::is_same_v<decltype(otherwise), double>)
      table.set(key, Value(file.number(theirs, otherwise, range)));
    else
      table.set(key, Value(file.integer(theirs, otherwise, range)));
  };
  detail::refuse_other_decoding(file);
  const std::int64_t one = 1, zero = 0, default_length = 20;
  Table table;
  set(table, "beams", "num_beams", one, between(1, 64));
  if (file.has("max_new_tokens") || file.has("max_length")) {
    set(table, "max_length", "max_length", default_length, at_least(2));
    set(table, "max_new_tokens", "max_new_tokens", zero, at_least(1));
  } else {  // transformers keeps its own default within the table of positions
    const bool fits = default_length < positions;
    table.set("max_length", Value(fits ? default_length : positions));
    table.set("max_new_tokens", Value(fits ? default_length : 0));
  }
  set(table, "min_length", "min_length", zero, at_least(0));
  set(table, "length_penalty", "length_penalty", 1.0, {});
  set(table, "repetition_penalty", "repetition_penalty", 1.0, above(0));
  table.set("early_stopping", Value(detail::early_stopping_name(file)));
  table.set("sample", Value(file.has("do_sample") && file.flag("do_sample", false)));
  set(table, "temperature", "temperature", 1.0, above(0));
  set(table, "top_k", "top_k", std::int64_t{50}, at_least(0));
  set(table, "top_p", "top_p", 1.0, between(0, 1));
  set(table, "num_captions", "num_return_sequences", one, between(1, 64));
  file.throw_if_wrong("Remove the key, and know that captions may then differ from transformers'.");
  return table;
}

VLP_INLINE Value blip_recipe(const BlipConfig& config, std::optional<Table> tokenizer,
                             Array transforms, Table generate, const char* sharing) {
  Table recipe;
  if (tokenizer) recipe.set("tokenizer", Value(std::move(*tokenizer)));
  recipe.set("transform", Value(std::move(transforms)));
  recipe.set("model", Value(model_table(config, sharing)));
  if (has_decoder(config.task)) {
    Table loss;
    loss.set("use", Value("lm"));
    loss.set("label_smoothing", Value(config.text.label_smoothing));
    recipe.set("loss", Value(Array{Value(std::move(loss))}));
    recipe.set("generate", Value(std::move(generate)));
  }
  return Value(std::move(recipe));
}

VLP_INLINE Value hugging_face_recipe(const std::filesystem::path& folder, const BlipConfig& config,
                                     const Console& console) {
  const auto path = folder / "generation_config.json";
  const bool writes = has_decoder(config.task) && std::filesystem::is_regular_file(path);
  const ConfigObject generation = writes ? read_config_file(path) : ConfigObject(path.string());
  return blip_recipe(config, read_tokenizer(folder), read_image_processor(folder, config, console),
                     generate_table(generation, config.text.options.max_positions));
}

}  // namespace vlp
