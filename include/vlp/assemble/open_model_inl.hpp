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
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/image/image_reading.hpp"
#include "vlp/image/resample.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/start/fill_model.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/start/own_tokenizer.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

namespace detail {

/// A run's recipe, with its own weights in place of those that it began with.
[[nodiscard]] inline Recipe run_recipe(const ModelSource& source) {
  return load_recipe(source.recipe, {"model.weights=" + toml_string(source.weights.string())});
}

/// The tables of a run's recipe, with the tokenizer made of the files that it has left beside it.
[[nodiscard]] inline Plan read_run_tables(Recipe recipe, const std::filesystem::path& folder,
                                          const Registry& registry) {
  Plan plan = read_model_tables(recipe, registry);
  if (!plan.tokenizer.chosen()) return plan;
  Table& tokenizer = *recipe.value.as<Table>()->find("tokenizer")->value.as<Table>();
  take_own_files(tokenizer, plan.tokenizer.traits(), folder);
  return read_model_tables(recipe, registry);
}

/// Whether a plan's images are resized with Pillow's rounding.
[[nodiscard]] inline bool resizes_as_pillow(const Plan& plan) {
  for (const TransformUse& use : plan.transform) {
    if (use.extra.when == When::train) continue;
    const Value table = use.write();
    const Entry* kernel = table.as<Table>()->find("kernel");
    if (kernel &&
        *kernel->value.as<std::string>() == EnumNames<ResizeKernel>::of(ResizeKernel::pillow))
      return true;
  }
  return false;
}

/// How a model's images were read in training. Recipes from before they said it dropped
/// transparency; so does Pillow's path of Hugging Face's image processors, while the other puts a
/// white page behind it.
[[nodiscard]] inline ImageReading reading_of(const Plan& plan, const Recipe& recipe,
                                             bool imported) {
  ImageReading reading = plan.dataset.extra.images;
  const Entry* dataset = recipe.value.as<Table>()->find("dataset");
  const Table* table = dataset ? dataset->value.as<Table>() : nullptr;
  if (table && table->find("transparency")) return reading;
  if (imported ? resizes_as_pillow(plan) : table != nullptr) reading.transparency = AlphaMode::drop;
  return reading;
}

/// The tokenizer of a plan, if it has one; tells the context its special tokens and its size.
[[nodiscard]] inline std::optional<AnyTokenizer> open_tokenizer(const Plan& plan, Context& ctx) {
  if (!plan.tokenizer.chosen()) return std::nullopt;
  AnyTokenizer tokenizer = plan.tokenizer.build(ctx);
  ctx.facts.tokens = tokenizer.special();
  ctx.facts.dimensions.vocabulary_size = tokenizer.vocabulary_size();
  return tokenizer;
}

/// A folder's ids win over those of the vocabulary, which on the hub lacks [DEC] and [ENC].
/// @throws WeightsError if the vocabulary has more tokens than the model
inline void take_tokens(const ModelTokens& given, const std::string& source,
                        const std::optional<AnyTokenizer>& tokenizer, Context& ctx) {
  constexpr std::int64_t added = 2;  // [DEC] and [ENC], which the model may do without
  if (tokenizer && tokenizer->vocabulary_size() - added > given.vocabulary_size)
    throw WeightsError(source + ": the tokenizer has more tokens than the model (got " +
                       std::to_string(tokenizer->vocabulary_size()) +
                       " with [DEC] and [ENC], expected at most " +
                       std::to_string(given.vocabulary_size) +
                       "). Use the tokenizer that the model was trained with.");
  if (!tokenizer || ctx.facts.tokens.decode != given.decode) ctx.facts.tokens.encode = given.encode;
  ctx.facts.tokens.decode = given.decode;
  ctx.facts.tokens.sep = given.sep;
  ctx.facts.tokens.pad = given.pad;
  ctx.facts.dimensions.vocabulary_size = given.vocabulary_size;
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
  ForeignModel foreign = read_foreign_model(source, arguments.console);
  std::string not_finite = foreign.not_finite;
  std::optional<ImportedModel> imported;
  if (source.recipe.empty())
    imported = Formats(registry).import_model(
        foreign,
        {.needs = arguments.needs, .share_dir = arguments.share_dir, .console = arguments.console});
  Recipe recipe = imported ? Recipe{imported->recipe, name, {}} : detail::run_recipe(source);
  for (const std::string& set : arguments.sets) apply_set(recipe.value, set, recipe.problems);
  Plan plan = imported ? read_model_tables(recipe, registry)
                       : detail::read_run_tables(recipe, source.folder(), registry);
  detail::check_purpose(name, plan, arguments.needs);
  Context ctx = open_context(plan, {.out = {},
                                    .data_dir = ".",
                                    .share_dir = arguments.share_dir,
                                    .device = arguments.device,
                                    .threads = arguments.threads,
                                    .console = arguments.console});
  ctx.machine.precision = Precision::fp32;
  choose_tf32(ctx.machine.precision);

  std::optional<AnyTokenizer> tokenizer = detail::open_tokenizer(plan, ctx);
  if (imported) detail::take_tokens(imported->tokens, source.folder().string(), tokenizer, ctx);
  Pipelines transforms = build_transforms(plan, ctx);
  AnyModel model = plan.model.build(ctx);
  const auto module = model.ptr();
  cast_floating(*module, arguments.dtype);
  OwnWeights weights =
      imported ? std::move(imported->weights)
               : plan.formats.translate(std::move(foreign), plan.resolved, arguments.console);
  fill_model(*module, {std::move(weights), plan.formats.layout(plan.resolved)}, FillPolicy::exact,
             plan.resolved, arguments.console);
  module->to(torch_device(ctx.machine.device));
  module->eval();
  GenerateOptions generate = plan.generate;
  std::string prompt = plan.model.extra.prompt;
  const ImageReading reading = detail::reading_of(plan, recipe, imported.has_value());
  return {.plan = std::move(plan),
          .ctx = std::move(ctx),
          .tokenizer = std::move(tokenizer),
          .transforms = std::move(transforms.evaluate),
          .model = std::move(model),
          .generate = generate,
          .prompt = std::move(prompt),
          .not_finite = std::move(not_finite),
          .imported = imported.has_value(),
          .reading = reading};
}

}  // namespace vlp
