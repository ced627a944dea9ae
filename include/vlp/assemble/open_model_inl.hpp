#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/assemble/model_tables.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/blip/config.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/start/fit_weights.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/text/wordpiece.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

namespace detail {

/// A run's recipe, with its own weights and vocabulary in place of those that it began with.
[[nodiscard]] inline Recipe run_recipe(const ModelSource& source) {
  std::vector<std::string> sets{"model.weights=" + toml_string(source.weights.string())};
  if (const auto vocabulary = source.folder() / "vocab.txt"; std::filesystem::exists(vocabulary))
    sets.push_back("tokenizer.vocabulary=" + toml_string(vocabulary.string()));
  return load_recipe(source.recipe, sets);
}

/// A config.json, or what stands for one, with the recipe that says the same.
struct ConfiguredModel {
  BlipConfig config;
  Value recipe;
};

/// What text encoder and decoder have in common in a file that holds both: a value of [model]
/// sharing.
[[nodiscard]] inline const char* shared_parts(const WeightFile& file) {
  const std::string encoder = kTextEncoder, decoder = kTextDecoder;
  bool self_attention = true;
  for (auto at = file.tensors.lower_bound(encoder);
       at != file.tensors.end() && at->first.starts_with(encoder); ++at) {
    const auto copy = file.tensors.find(decoder + at->first.substr(encoder.size()));
    if (copy == file.tensors.end() || same_values(at->second, copy->second)) continue;
    if (at->first.find(".attention.") == at->first.npos) return "nothing";
    self_attention = false;
  }
  return self_attention ? "all" : "all_but_self_attention";
}

/// The task of a lone file's tensors; of one that can do both, what it is opened for. The
/// original's pre-training files hold everything, and who captions needs half of it.
[[nodiscard]] inline BlipTask opened_task(const WeightFile& file, const Parts& needs) {
  const BlipTask task = task_of(file.tensors, file.source);
  if (task != BlipTask::pretraining || needs.empty() || !file.original_names) return task;
  if ((parts::decoder | parts::captions).covers(needs)) return BlipTask::captioning;
  return needs.contains(DecoderLogits::name) || needs.contains(Generate::name)
             ? task
             : BlipTask::retrieval;
}

/// What the folder of a config.json says of its model. Whether the head is tied, only the tensors
/// tell, and so they do with the task where the config doesn't say it.
[[nodiscard]] inline ConfiguredModel read_configured_model(const ModelSource& source,
                                                           const WeightFile& file,
                                                           const OpenModelArguments& arguments) {
  BlipConfig config =
      read_blip_config(source.config, arguments.console, opened_task(file, arguments.needs));
  check_sizes(config, source.config.string(), file.tensors, file.source);
  config.tie_embeddings = has_tied_embeddings(file, config.tie_embeddings);
  return {config, hugging_face_recipe(source.folder(), config, arguments.console)};
}

/// What can be said of a file of weights with nothing beside it: sizes as its tensors show them,
/// BERT's vocabulary, BLIP's preprocessing (Pillow's for the original's files), generation as
/// transformers does it by default.
[[nodiscard]] inline ConfiguredModel derive_configured_model(const WeightFile& file,
                                                             const OpenModelArguments& arguments) {
  const BlipTask task = opened_task(file, arguments.needs);
  BlipConfig config =
      derive_blip_config(file.tensors, task, file.original_names ? 1e-6 : 1e-5, file.source);
  config.tie_embeddings = has_tied_embeddings(file);
  config.match_token = BlipMatchToken::enc;
  const auto vocabulary = arguments.share_dir / "vocabularies" / "bert-base-uncased.txt";
  const WordPiece pieces(vocabulary);
  if (pieces.vocabulary_size() != config.text.vocabulary_size)
    throw WeightsError(
        file.source + ": its vocabulary isn't known (got " +
        std::to_string(config.text.vocabulary_size) + " tokens, expected the " +
        std::to_string(pieces.vocabulary_size()) +
        " of bert-base-uncased with [DEC] and [ENC]). Put the model's config.json beside it.");
  config.text.bos = pieces.special().decode;
  config.text.sep = pieces.special().sep;
  config.text.pad = pieces.special().pad;
  arguments.console.note(
      file.source +
      ": no config.json beside it; sizes are taken from the tensors, heads to be 64 wide");
  Array transforms =
      transform_tables(config.vision.image_size, file.original_names ? "pillow" : "torchvision");
  Table generate =
      generate_table(ConfigObject("generation_config.json"), config.text.max_positions);
  return {config, blip_recipe(config, tokenizer_table(vocabulary), std::move(transforms),
                              std::move(generate), shared_parts(file))};
}

/// The tokenizer of a plan, if it has one; tells the context its special tokens and its size.
[[nodiscard]] inline std::optional<AnyTokenizer> open_tokenizer(const Plan& plan, Context& ctx) {
  if (!plan.tokenizer.chosen()) return std::nullopt;
  AnyTokenizer tokenizer = plan.tokenizer.build(ctx);
  ctx.facts.tokens = tokenizer.special();
  ctx.facts.dimensions.vocabulary_size = tokenizer.vocabulary_size();
  return tokenizer;
}

/// A config's ids win over those of the vocabulary, which on the hub lacks [DEC] and [ENC].
/// @throws WeightsError if the vocabulary has more tokens than the model
inline void take_tokens(const BlipConfig::Text& text, const std::string& source,
                        const std::optional<AnyTokenizer>& tokenizer, Context& ctx) {
  constexpr std::int64_t added = 2;  // [DEC] and [ENC], which the model may do without
  if (tokenizer && tokenizer->vocabulary_size() - added > text.vocabulary_size)
    throw WeightsError(source + ": the tokenizer has more tokens than the model (got " +
                       std::to_string(tokenizer->vocabulary_size()) +
                       " with [DEC] and [ENC], expected at most " +
                       std::to_string(text.vocabulary_size) +
                       "). Use the tokenizer that the model was trained with.");
  if (!tokenizer || ctx.facts.tokens.decode != text.bos)
    ctx.facts.tokens.encode = std::min(text.bos + 1, text.vocabulary_size - 1);
  ctx.facts.tokens.decode = text.bos;
  ctx.facts.tokens.sep = text.sep;
  ctx.facts.tokens.pad = text.pad;
  ctx.facts.dimensions.vocabulary_size = text.vocabulary_size;
}

/// @throws RecipeError if a model lacks what it is opened for, with what it can do instead
inline void check_purpose(const std::string& name, const Plan& plan, const Parts& wanted) {
  const Parts serves = plan.model.traits().serves, lacking = wanted.without(serves);
  if (lacking.empty()) return;
  std::string advice = "Choose another model.";
  if (lacking.contains(Generate::name))
    advice = serves.covers(parts::embeddings) ? "It compares images with texts: use it with `vlp "
                                                "match`, or choose a model for captioning."
                                              : "Choose a model for captioning.";
  else if (serves.contains(Generate::name))
    advice =
        "It writes captions: use it with `vlp caption`, or choose a model for image-text "
        "retrieval.";
  throw RecipeError(name + ": model '" + plan.model.name() + "' lacks what is asked of it (got " +
                    in_words(serves) + ", expected " + in_words(lacking) + "). " + advice);
}

}  // namespace detail

VLP_INLINE OpenedModel open_model(const std::string& name, const Registry& registry,
                                  const OpenModelArguments& arguments) {
  if (arguments.dtype != at::kFloat && arguments.dtype != at::kDouble)
    throw RecipeError("open_model: unknown dtype (got " +
                      std::string(c10::toString(arguments.dtype)) + ", expected Float or Double).");
  const ModelSource source = find_model(name);
  WeightFile file = read_weight_file(source.weights);
  std::optional<detail::ConfiguredModel> configured;
  if (source.recipe.empty())
    configured = source.config.empty() ? detail::derive_configured_model(file, arguments)
                                       : detail::read_configured_model(source, file, arguments);
  Recipe recipe = configured ? Recipe{configured->recipe, name, {}} : detail::run_recipe(source);
  for (const std::string& set : arguments.sets) apply_set(recipe.value, set, recipe.problems);
  Plan plan = detail::read_model_tables(recipe, registry);
  detail::check_purpose(name, plan, arguments.needs);
  Context ctx = open_context(plan, {.out = {},
                                    .data_dir = ".",
                                    .share_dir = arguments.share_dir,
                                    .device = arguments.device,
                                    .threads = arguments.threads,
                                    .console = arguments.console});
  ctx.machine.precision = Precision::fp32;

  std::optional<AnyTokenizer> tokenizer = detail::open_tokenizer(plan, ctx);
  if (configured)
    detail::take_tokens(configured->config.text, source.folder().string(), tokenizer, ctx);
  Pipelines transforms = build_transforms(plan, ctx);
  AnyModel model = plan.model.build(ctx);
  const auto module = model.ptr();
  cast_floating(*module, arguments.dtype);
  fill_model(*module, std::move(file), arguments.console);
  module->to(torch_device(ctx.machine.device));
  module->eval();
  GenerateOptions generate = plan.generate;
  std::string prompt = plan.model.extra.prompt;
  return {.plan = std::move(plan),
          .ctx = std::move(ctx),
          .tokenizer = std::move(tokenizer),
          .transforms = std::move(transforms.evaluate),
          .model = std::move(model),
          .generate = generate,
          .prompt = std::move(prompt),
          .hugging_face = configured.has_value()};
}

}  // namespace vlp
