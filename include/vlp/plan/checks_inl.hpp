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
/// @return       whether all images come out in one size; none if there was a problem
inline std::optional<bool> check_pipeline(const RecipeOptions& options,
                                          const std::vector<AnyTransform>& steps, When phase,
                                          const Recipe& recipe, Diagnostics& problems) {
  std::vector<AnyTransform> images;
  std::vector<std::size_t> places;  // of those among the recipe's transforms
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const When when = options.transform[i].extra.when;
    if (steps[i].is_text() || (when != When::always && when != phase)) continue;
    images.push_back(steps[i]);
    places.push_back(i);
  }
  const PipelineTrial trial = try_images(images);
  if (trial.problem.empty()) return trial.one_size;
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

}  // namespace detail

VLP_INLINE void check_metrics(const RecipeOptions& options, const Recipe& recipe,
                              Diagnostics& problems) {
  if (!options.model.chosen()) return;
  for (const auto& [i, use] : ranges::views::enumerate(options.metric)) {
    if (!use.chosen()) continue;
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
  if (!options.model.chosen()) return;
  for (const auto& [i, loss] : ranges::views::enumerate(options.loss)) {
    if (!loss.chosen()) continue;
    const Parts lacking = loss.traits().needs.without(options.model.traits().serves);
    if (lacking.empty()) continue;
    const Array* losses = recipe.value.as<Table>()->find("loss")->value.as<Array>();
    problems.add((*losses)[i].place, "loss." + std::to_string(i),
                 "loss '" + loss.name() + "' needs " + in_words(lacking) + "; model '" +
                     options.model.name() + "' has none");
  }
}

VLP_INLINE void check_training(const RecipeOptions& options, const Recipe& recipe,
                               std::optional<DeviceName> device, Diagnostics& problems) {
  if (!recipe.value.as<Table>()->find("loss"))
    problems.add(recipe.place_of("loss"), "loss", "training needs at least one [[loss]]");
  if (!recipe.value.as<Table>()->find("optimizer"))
    problems.add(recipe.value.place, "optimizer",
                 "missing, training needs an [optimizer] with `use`");
  for (const auto& loss : options.loss) {
    if (loss.chosen() && options.train.batch_size < loss.traits().smallest_batch)
      problems.add(
          recipe.place_of("train.batch_size"), "train.batch_size",
          "loss '" + loss.name() + "' needs at least " +
              std::to_string(loss.traits().smallest_batch) +
              " pairs a batch (got train.batch_size = " + std::to_string(options.train.batch_size) +
              "); accumulation doesn't help, since a loss sees one micro-batch at a time");
  }
  if (device && device->type == DeviceName::Type::cpu && options.train.precision == Precision::fp16)
    problems.add(
        recipe.place_of("train.precision"), "train.precision",
        "fp16 needs a GPU and this run is on a CPU; use --set train.precision=fp32 (or bf16)");
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
  const std::optional<bool> evaluation =
      detail::check_pipeline(options, steps, When::evaluate, recipe, problems);
  if (!trains) return;
  const std::optional<bool> training =
      detail::check_pipeline(options, steps, When::train, recipe, problems);
  if (!training || !evaluation || *training == *evaluation) return;
  const char* lacking = *training ? "evaluate" : "train";
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

VLP_INLINE void check_generation(const RecipeOptions& all, const Recipe& recipe,
                                 Diagnostics& problems) {
  const GenerateOptions& options = all.generate;
  if (options.sample && options.beams > 1)
    problems.add(recipe.place_of("generate.sample"), "generate.sample",
                 "beams can't be sampled (got beams = " + std::to_string(options.beams) +
                     ", expected 1); set beams = 1");
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
