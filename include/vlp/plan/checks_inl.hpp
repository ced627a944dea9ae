#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <range/v3/view/enumerate.hpp>

#include "vlp/data/pipeline.hpp"
#include "vlp/plan/checks.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/start/weight_sources.hpp"

namespace vlp {

namespace detail {

/// The names of the scores that these metrics give.
inline std::vector<std::string> score_names(const std::vector<Use<AnyMetric>>& metrics) {
  std::vector<std::string> names;
  for (const auto& use : metrics) {
    if (!use.chosen()) continue;
    for (const ScoreName& score : use.traits().scores) names.push_back(score.name);
  }
  return names;
}

/// Tries the image steps of training or evaluation.
/// @param steps  of all transforms of the recipe, built
/// @return       whether all images come out in one size, and which; none if there was a problem
inline std::optional<PipelineTrial> check_pipeline(const RecipeOptions& options,
                                                   const std::vector<AnyTransform>& steps,
                                                   When phase, const Recipe& recipe,
                                                   Diagnostics& problems) {
  std::vector<AnyTransform> images;
  std::vector<std::size_t> places;  // of those among the recipe's transforms
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const When when = options.transform[i].extra.when;
    if (steps[i].is_text() || (when != When::always && when != phase)) continue;
    images.push_back(steps[i]);
    places.push_back(i);
  }
  const PipelineTrial trial = try_images(images);
  if (trial.problem.empty()) return trial;
  const std::string key =
      trial.step ? "transform." + std::to_string(places[*trial.step]) : "transform";
  if (std::ranges::count(problems.problems(), key, &Problem::key) ==
      0)  // what is wrong in both is said once
    problems.add(
        trial.step ? (*value_at(recipe.value, "transform")->as<Array>())[places[*trial.step]].place
                   : recipe.place_of("transform"),
        key, std::string(EnumNames<When>::of(phase)) + ": " + trial.problem);
  return std::nullopt;
}

/// Whether the model takes the images that the transforms make.
/// @param size  zeros = not known
inline void check_image_size(const RecipeOptions& options, ImageSize size, const Recipe& recipe,
                             Diagnostics& problems) {
  if (size.height == 0 || !options.model.chosen() || problems.about("model")) return;
  if (const std::string problem =
          problem_of(options.model.traits().image_problem, size.height, size.width);
      !problem.empty())
    problems.add(recipe.place_of("model"), "model", problem);
}

}  // namespace detail

VLP_INLINE void check_tables(const RecipeOptions& options, const Recipe& recipe, bool trains,
                             Diagnostics& problems) {
  check_losses(options, recipe, problems);
  check_metrics(options, recipe, problems);
  check_transforms(options, recipe, trains, problems);
  check_lengths(options, recipe, problems);
  check_generation(options, recipe, problems);
  if (problems.empty()) check_scores(options, recipe, problems);
}

VLP_INLINE void check_metrics(const RecipeOptions& options, const Recipe& recipe,
                              Diagnostics& problems) {
  if (!options.model.chosen() || problems.about("model")) return;
  for (const auto& [i, use] : ranges::views::enumerate(options.metric)) {
    if (!use.chosen() || problems.about("metric." + std::to_string(i))) continue;
    const Parts needs = use.traits().needs(),
                lacking = needs.without(options.model.traits().serves);
    if (lacking.empty()) continue;
    const Array* metrics = recipe.value.as<Table>()->find("metric")->value.as<Array>();
    const bool writes_nothing = use.traits().reads_captions && lacking.contains(Generate::name);
    problems.add((*metrics)[i].place, "metric." + std::to_string(i),
                 "metric '" + use.name() + "' needs " +
                     (writes_nothing ? "captions" : in_words(lacking)) + "; model '" +
                     options.model.name() + "' has " + (writes_nothing ? "no decoder" : "none"));
  }
}

VLP_INLINE void check_losses(const RecipeOptions& options, const Recipe& recipe,
                             Diagnostics& problems) {
  if (!options.model.chosen() || problems.about("model")) return;
  for (const auto& [i, loss] : ranges::views::enumerate(options.loss)) {
    if (!loss.chosen() || problems.about("loss." + std::to_string(i))) continue;
    const Parts lacking = loss.traits().needs.without(options.model.traits().serves);
    if (lacking.empty()) continue;
    const Array* losses = recipe.value.as<Table>()->find("loss")->value.as<Array>();
    problems.add((*losses)[i].place, "loss." + std::to_string(i),
                 "loss '" + loss.name() + "' needs " + in_words(lacking) + "; model '" +
                     options.model.name() + "' has none");
  }
}

VLP_INLINE void check_training(const RecipeOptions& options, const Recipe& recipe,
                               Diagnostics& problems) {
  if (!recipe.value.as<Table>()->find("loss"))
    problems.add(recipe.place_of("loss"), "loss", "training needs at least one [[loss]]");
  if (!recipe.value.as<Table>()->find("optimizer"))
    problems.add(recipe.value.place, "optimizer",
                 "missing, training needs an [optimizer] with `use`");
  const bool batch_known = !problems.about("train.batch_size");
  for (const auto& [i, loss] : ranges::views::enumerate(options.loss)) {
    if (batch_known && loss.chosen() && !problems.about("loss." + std::to_string(i)) &&
        options.train.batch_size < loss.traits().smallest_batch)
      problems.add(
          recipe.place_of("train.batch_size"), "train.batch_size",
          "loss '" + loss.name() + "' needs at least " +
              std::to_string(loss.traits().smallest_batch) +
              " pairs a batch (got train.batch_size = " + std::to_string(options.train.batch_size) +
              "); accumulation doesn't help, since a loss sees one micro-batch at a time");
  }
  if (options.evaluate.weights == EvaluatedWeights::ema && options.train.ema == 0 &&
      !problems.about("train.ema"))
    problems.add(recipe.place_of("evaluate.weights"), "evaluate.weights",
                 "there is no average of the weights (got train.ema = 0); set train.ema, e.g. to "
                 "0.999");
}

VLP_INLINE void check_precision(const RecipeOptions& options, const Recipe& recipe,
                                std::optional<DeviceName> device, Diagnostics& problems) {
  if (!device || device->type != DeviceName::Type::cpu || problems.about("train.precision")) return;
  const Precision precision = options.train.precision;
  if (precision == Precision::fp16)
    problems.add(
        recipe.place_of("train.precision"), "train.precision",
        "fp16 needs a GPU and this run is on a CPU; use --set train.precision=fp32 (or bf16)");
  if (precision == Precision::tf32)
    problems.add(recipe.place_of("train.precision"), "train.precision",
                 "tf32 is how a GPU multiplies float32 and this run is on a CPU; use --set "
                 "train.precision=fp32 (or bf16)");
}

VLP_INLINE void check_transforms(const RecipeOptions& options, const Recipe& recipe, bool trains,
                                 Diagnostics& problems) {
  const auto of_transforms = [](const Problem& problem) {
    return problem.key.starts_with("transform");
  };
  if (options.transform.empty() || std::ranges::any_of(problems.problems(), of_transforms)) return;
  std::vector<AnyTransform> steps;
  for (const auto& [i, use] : ranges::views::enumerate(options.transform)) try {
      steps.push_back(use.build(Context{}));
    } catch (const Error& error) {
      problems.add((*value_at(recipe.value, "transform")->as<Array>())[i].place,
                   "transform." + std::to_string(i), error.what());
    }
  if (steps.size() < options.transform.size()) return;
  const auto evaluation = detail::check_pipeline(options, steps, When::evaluate, recipe, problems);
  if (evaluation) detail::check_image_size(options, evaluation->size, recipe, problems);
  if (!trains) return;
  const auto training = detail::check_pipeline(options, steps, When::train, recipe, problems);
  if (!training || !evaluation) return;
  if (training->size.height != evaluation->size.height ||
      training->size.width != evaluation->size.width)
    detail::check_image_size(options, training->size, recipe, problems);
  if (training->one_size == evaluation->one_size) return;
  const char* lacking = training->one_size ? "evaluate" : "train";
  problems.add(
      recipe.place_of("transform"), "transform",
      std::string(lacking) +
          ": no transform fixes the size of images; add one, e.g. use = \"resize\" with when = \"" +
          lacking + "\"");
}

VLP_INLINE void check_weights(const RecipeOptions& options, const Recipe& recipe,
                              Diagnostics& problems) {
  if (options.model.extra.weights.empty())
    problems.add(recipe.place_of("model"), "model.weights",
                 "missing, task \"evaluate\" needs the weights to score, e.g. --set "
                 "model.weights=runs/NAME");
}

namespace detail {

/// What is wrong with a key of [model.weights] that the model can't have.
/// @param layout  of the model
/// @param keys    that it can have
/// @param model   how messages call it
inline std::string weight_key_problem(const std::string& key, const ModelLayout& layout,
                                      const std::vector<std::string>& keys,
                                      const std::string& model) {
  if (layout.parts.empty())
    return "no format knows the parts of " + model +
           "; give a source of the whole, weights = \"SOURCE\", or add the format with --plugin";
  const std::string there = "; " + model + " of this recipe takes: " + listing(keys);
  for (const LayoutPart& part : layout.parts)
    if (std::ranges::find(part.sources, key) != part.sources.end())
      return "there is no [" + part.table + "] that it could be for" + there;
  return "unknown key" + suggestion(key, keys) + there;
}

}  // namespace detail

VLP_INLINE void check_weight_keys(const RecipeOptions& options, const Recipe& recipe,
                                  const Formats& formats, Diagnostics& problems) {
  if (!options.model.chosen() || problems.about("model")) return;
  const WeightSources& sources = options.model.extra.weights;
  if (sources.only_whole()) return;
  const Value resolved = write_options(options);
  const ModelLayout layout = formats.layout(resolved);
  const std::vector<std::string> keys = weight_keys(layout, resolved);
  const Table* table = value_at(recipe.value, "model.weights")->as<Table>();
  for (const auto& [key, source] : sources.given())
    if (std::ranges::find(keys, key) == keys.end())
      problems.add(
          table->find(key)->place, "model.weights." + key,
          detail::weight_key_problem(key, layout, keys, "model '" + options.model.name() + "'"));
}

VLP_INLINE void check_lengths(const RecipeOptions& options, const Recipe& recipe,
                              Diagnostics& problems) {
  if (!options.model.chosen() || problems.about("model")) return;
  const auto too_long = [&](std::int64_t got, std::int64_t most, const std::string& key,
                            const std::string& what) {
    if (most == 0 || got <= most || problems.about(key.substr(0, key.find('.')))) return;
    problems.add(recipe.place_of(key), key,
                 what + " of up to " + std::to_string(got) + " tokens don't fit model '" +
                     options.model.name() + "', which has positions for " + std::to_string(most) +
                     "; shorten them, or give it more");
  };
  if (options.tokenizer.chosen())
    too_long(options.tokenizer.traits().longest_text, options.model.traits().longest_text,
             "tokenizer", "texts");
  const bool writes = std::ranges::any_of(
      options.metric, [](const auto& use) { return use.chosen() && use.traits().reads_captions; });
  const GenerateOptions& generate = options.generate;
  if (writes && generate.max_new_tokens > 0)
    too_long(1 + generate.max_new_tokens, options.model.traits().longest_caption,
             "generate.max_new_tokens", "captions");
  else if (writes)
    too_long(generate.max_length, options.model.traits().longest_caption, "generate.max_length",
             "captions");
}

VLP_INLINE void check_generation(const RecipeOptions& all, const Recipe& recipe,
                                 Diagnostics& problems) {
  const GenerateOptions& options = all.generate;
  if (problems.about("generate")) return;
  if (options.sample && options.beams > 1)
    problems.add(recipe.place_of("generate.sample"), "generate.sample",
                 "beams can't be sampled (got beams = " + std::to_string(options.beams) +
                     ", expected 1); set beams = 1");
  const bool counts_new = options.max_new_tokens > 0;
  const std::int64_t longest = counts_new ? 1 + options.max_new_tokens : options.max_length;
  const std::string least = options.min_new_tokens > 0 ? "min_new_tokens" : "min_length";
  const std::int64_t shortest =
      options.min_new_tokens > 0 ? 1 + options.min_new_tokens : options.min_length;
  if (shortest > longest)
    problems.add(
        recipe.place_of("generate." + least), "generate." + least,
        "longer than the longest caption (got " + std::to_string(shortest) +
            " tokens, expected at most " + std::to_string(longest) + ", [DEC] included, as " +
            (counts_new ? "max_new_tokens" : "max_length") + " = " +
            std::to_string(counts_new ? options.max_new_tokens : options.max_length) + " allows)");
  if (!options.sample && options.num_captions > options.beams)
    problems.add(
        recipe.place_of("generate.num_captions"), "generate.num_captions",
        "more captions than beams (got num_captions = " + std::to_string(options.num_captions) +
            ", expected at most beams = " + std::to_string(options.beams) +
            "); set beams, or sample = true");
  if (options.length_rule == LengthRule::original && options.early_stopping == EarlyStopping::never)
    problems.add(recipe.place_of("generate.early_stopping"), "generate.early_stopping",
                 "length_rule original knows no early_stopping never; use yes or no");
}

VLP_INLINE void check_scores(const RecipeOptions& options, const Recipe& recipe,
                             Diagnostics& problems) {
  std::vector<std::string> names = detail::score_names(options.metric);
  const auto twice = std::ranges::find_if(
      names, [&](const std::string& name) { return std::ranges::count(names, name) > 1; });
  if (twice != names.end())
    problems.add(
        recipe.place_of("metric"), "metric",
        "two metrics give a score '" + *twice + "', which nothing would tell apart; keep one");
  names.emplace_back("loss");
  if (std::ranges::find(names, options.evaluate.best) == names.end())
    problems.add(recipe.place_of("evaluate.best"), "evaluate.best",
                 "no metric of this recipe gives a score '" + options.evaluate.best + "'" +
                     suggestion(options.evaluate.best, names) + "; there are: " + listing(names));
}

}  // namespace vlp
