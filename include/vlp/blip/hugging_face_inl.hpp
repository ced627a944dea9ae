#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
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

/// Keys of generation_config.json that vlp takes over.
inline constexpr auto kTakenOver = std::to_array<std::string_view>(
    {"begin_suppress_tokens", "bad_words_ids", "do_sample", "early_stopping", "forced_bos_token_id",
     "forced_eos_token_id", "length_penalty", "max_length", "max_new_tokens", "min_length",
     "min_new_tokens", "no_repeat_ngram_size", "num_beams", "num_return_sequences",
     "repetition_penalty", "suppress_tokens", "temperature", "top_k", "top_p"});

/// Keys that change no caption of a BLIP, whatever their values: special tokens, which its
/// config.json says, what is returned, and how the same tokens are computed faster.
inline constexpr auto kWithoutEffect =
    std::to_array<std::string_view>({"_from_model_config",
                                     "assistant_confidence_threshold",
                                     "assistant_early_exit",
                                     "assistant_ensemble_weight",
                                     "assistant_lookbehind",
                                     "bos_token_id",
                                     "cache_config",
                                     "cache_implementation",
                                     "compile_config",
                                     "continuous_batching_config",
                                     "decoder_start_token_id",
                                     "disable_compile",
                                     "eos_token_id",
                                     "is_assistant",
                                     "low_memory",
                                     "max_cache_len",
                                     "max_matching_ngram_size",
                                     "num_assistant_tokens",
                                     "num_assistant_tokens_schedule",
                                     "output_attentions",
                                     "output_hidden_states",
                                     "output_logits",
                                     "output_scores",
                                     "pad_token_id",
                                     "prefill_chunk_size",
                                     "prompt_lookup_num_tokens",
                                     "return_dict_in_generate",
                                     "speculation_type",
                                     "target_lookbehind",
                                     "transformers_version",
                                     "use_cache",
                                     "use_mtp"});

/// Whether a value of a key that vlp doesn't have leaves captions as they are without the key.
inline bool is_neutral(const std::string& key, const nlohmann::json& value) {
  constexpr auto off_at_zero =
      std::to_array<std::string_view>({"diversity_penalty", "encoder_no_repeat_ngram_size",
                                       "epsilon_cutoff", "eta_cutoff", "min_p", "penalty_alpha"});
  constexpr auto off_at_one = std::to_array<std::string_view>(
      {"encoder_repetition_penalty", "guidance_scale", "num_beam_groups", "top_h", "typical_p"});
  constexpr auto off_at_false = std::to_array<std::string_view>(
      {"remove_invalid_values", "renormalize_logits", "token_healing"});
  const auto one_of = [&](const auto& keys) { return std::ranges::find(keys, key) != keys.end(); };
  return value.is_null() || one_of(kWithoutEffect) || (one_of(off_at_zero) && value == 0) ||
         (one_of(off_at_one) && value == 1) || (one_of(off_at_false) && value == false);
}

inline void warn_of_key(const ConfigObject& file, const char* key, const Console& console) {
  console.warning(file.file() + ": " + key + ": not supported (got " + file.shown(key) +
                  "), left aside; captions may differ from transformers'");
}

/// Warns of settings that may change what is generated and that vlp doesn't have.
inline void warn_of_other_decoding(const ConfigObject& file, const Console& console) {
  for (const std::string& key : file.keys())
    if (std::ranges::find(kTakenOver, key) == kTakenOver.end() &&
        !is_neutral(key, file.raw(key.c_str())))
      warn_of_key(file, key.c_str(), console);
}

/// A list of ids, or of such lists.
inline std::optional<Array> id_list(const nlohmann::json& value, bool of_lists) {
  Array array;
  if (!value.is_array()) return std::nullopt;
  for (const nlohmann::json& item : value) {
    if (of_lists) {
      std::optional<Array> inner = id_list(item, false);
      if (!inner || inner->empty()) return std::nullopt;
      array.emplace_back(std::move(*inner));
    } else {
      if (!item.is_number_integer() || item < 0 || item > std::numeric_limits<std::int32_t>::max())
        return std::nullopt;
      array.emplace_back(item.get<std::int64_t>());
    }
  }
  return array;
}

/// The rules that forbid or force tokens.
inline void add_token_rules(const ConfigObject& file, const Console& console, Table& table) {
  const auto add_list = [&](const char* key, bool of_lists, const char* expected) {
    std::optional<Array> list;
    if (file.has(key) && !(list = id_list(file.raw(key), of_lists))) file.wrong(key, expected);
    table.set(key, Value(list ? std::move(*list) : Array{}));
  };
  const auto add_id = [&](const char* key) {
    const nlohmann::json value = file.raw(key);
    const std::optional<Array> ids =
        id_list(value.is_array() ? value : nlohmann::json::array({value}), false);
    if (file.has(key) && (!ids || ids->empty())) file.wrong(key, "an id");
    if (ids && ids->size() > 1) warn_of_key(file, key, console);
    const bool one = ids && ids->size() == 1;
    table.set(key, Value(one ? *ids->front().as<std::int64_t>() : std::int64_t{-1}));
  };
  table.set("no_repeat_ngram_size", Value(file.has("no_repeat_ngram_size")
                                              ? file.integer("no_repeat_ngram_size", 0, at_least(0))
                                              : std::int64_t{0}));
  add_list("bad_words_ids", true, "a list of lists of ids, none of them empty");
  add_list("suppress_tokens", false, "a list of ids");
  add_list("begin_suppress_tokens", false, "a list of ids");
  add_id("forced_bos_token_id");
  add_id("forced_eos_token_id");
}

inline const char* early_stopping_name(const ConfigObject& file) {
  if (!file.has("early_stopping")) return "no";
  file.expect("early_stopping", {false, true, "never"});
  return file.raw("early_stopping") == true      ? "yes"
         : file.raw("early_stopping") == "never" ? "never"
                                                 : "no";
}

}  // namespace detail

VLP_INLINE Table generate_table(const ConfigObject& file, std::int64_t positions,
                                const Console& console) {
  const auto set = [&](Table& table, const char* key, const char* theirs, auto otherwise,
                       const Range& range) {
    if (!file.has(theirs))
      table.set(key, Value(otherwise));
    else if constexpr (std::is_same_v<decltype(otherwise), double>)
      table.set(key, Value(file.number(theirs, otherwise, range)));
    else
      table.set(key, Value(file.integer(theirs, otherwise, range)));
  };
  detail::warn_of_other_decoding(file, console);
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
  set(table, "min_new_tokens", "min_new_tokens", zero, at_least(0));
  set(table, "length_penalty", "length_penalty", 1.0, {});
  set(table, "repetition_penalty", "repetition_penalty", 1.0, above(0));
  detail::add_token_rules(file, console, table);
  table.set("early_stopping", Value(detail::early_stopping_name(file)));
  table.set("sample", Value(file.has("do_sample") && file.flag("do_sample", false)));
  set(table, "temperature", "temperature", 1.0, above(0));
  set(table, "top_k", "top_k", std::int64_t{50}, at_least(0));
  set(table, "top_p", "top_p", 1.0, between(0, 1));
  set(table, "num_captions", "num_return_sequences", one, between(1, 64));
  file.throw_if_wrong("Correct the key, or remove it.");
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
                     generate_table(generation, config.text.options.max_positions, console));
}

}  // namespace vlp
