#pragma once
// A recipe understood: every option read and checked, every component chosen, nothing built. Every mistake in a recipe
// surfaces here, all at once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/core/context.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/evaluate/options.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/use.hpp"
#include "vlp/text/caption_set.hpp"
#include "vlp/train/options.hpp"
#include "vlp/weights/weight_sources.hpp"

namespace vlp {

/// What a recipe is for.
enum class Task { train, evaluate };

/// The table [run].
struct RunOptions {
  Task task = Task::train;
  std::int64_t seed = 17;

  static constexpr auto fields() {
    return std::tuple{field<&RunOptions::task>("`train` fits the model; `evaluate` scores given weights."),
                      field<&RunOptions::seed>("Seed of everything random: split, order, initial weights, dropout.", at_least(0))};
  }
};

/// What [model] keeps beside the component's own options.
struct ModelExtras {
  WeightSources weights;
  std::string prompt;

  static constexpr auto fields() {
    return std::tuple{
        field<&ModelExtras::weights>(
            "Where initial weights come from: a run folder, a Hugging Face folder, a file of weights, or a downloaded model's name on the "
            "hub; or a table with one of these for model, encoder, text, text_encoder or decoder, e.g. { encoder = \"deit.pth\", text = "
            "\"bert-base-uncased\" }. Empty = random."),
        field<&ModelExtras::prompt>("Text before every caption, e.g. \"a picture of\"; ignored by the loss, given in generation.")};
  }
};

/// Where a transform takes part: everywhere, in training only, or wherever a model is evaluated or used.
enum class When { always, train, evaluate };

/// What each [[transform]] keeps beside the component's own options.
struct TransformExtras {
  When when = When::always;

  static constexpr auto fields() {
    return std::tuple{
        field<&TransformExtras::when>("always; train: in training batches only; evaluate: in validation, test, captioning, retrieval, "
                                      "matching and tracing only.")};
  }
};

/// One [[transform]] of a recipe.
using TransformUse = Use<AnyTransform, TransformExtras>;

/// Builds a recipe's transforms, each one once, and sorts them by where they take part.
/// @throws RecipeError as their constructors do
[[nodiscard]] inline Pipelines build_pipelines(const std::vector<TransformUse>& uses, const Context& ctx) {
  Pipelines pipelines;
  for (const TransformUse& use : uses) {
    const AnyTransform step = use.build(ctx);
    if (use.extra.when != When::evaluate) pipelines.train.add(step);
    if (use.extra.when != When::train) pipelines.evaluate.add(step);
  }
  return pipelines;
}

/// What each [[loss]] keeps beside the component's own options.
struct LossExtras {
  double weight = 1.0;

  static constexpr auto fields() { return std::tuple{field<&LossExtras::weight>("Factor of this loss in the sum.", at_least(0))}; }
};

/// The table [report].
struct ReportOptions {
  bool baseline = true;
  std::int64_t contact_sheet = 24;

  static constexpr auto fields() {
    return std::tuple{
        field<&ReportOptions::baseline>("Scores the commonest training caption, said of every image, beside the model."),
        field<&ReportOptions::contact_sheet>("Images on contact_sheet.png with their captions; 0 = no sheet.", between(0, 400))};
  }
};

/// A whole recipe, in the order of the data flow.
struct RecipeOptions {
  RunOptions run;
  Use<AnyDataset> dataset;
  Use<AnyTokenizer> tokenizer;
  std::vector<TransformUse> transform;
  Use<AnyModel, ModelExtras> model;
  std::vector<Use<AnyLoss, LossExtras>> loss;
  std::vector<Use<AnyMetric>> metric;
  std::optional<Use<AnyOptimizer>> optimizer;
  std::optional<Use<AnySchedule>> schedule;
  TrainOptions train;
  EvaluateOptions evaluate;
  GenerateOptions generate;
  ReportOptions report;

  static constexpr auto fields() {
    using O = RecipeOptions;
    return std::tuple{field<&O::run>("The task and its seed."),
                      field<&O::dataset>("Images with captions, divided into splits."),
                      field<&O::tokenizer>("Text to ids and back."),
                      field<&O::transform>("What becomes of images and captions before the model, in order.", not_empty()),
                      field<&O::model>("What is trained."),
                      field<&O::loss>("What is minimised: a weighted sum."),
                      field<&O::metric>("Scores of generated captions, or of a retrieval."),
                      field<&O::optimizer>("How gradients become updates."),
                      field<&O::schedule>("How the learning rate changes."),
                      field<&O::train>("How long and in which portions to train."),
                      field<&O::evaluate>("How to evaluate, and what the best weights are."),
                      field<&O::generate>("How captions are generated."),
                      field<&O::report>("What a run shows besides its scores.")};
  }
};

/// A recipe ready to run.
struct Plan : RecipeOptions {
  Value resolved;  ///< the recipe with every default written out
};

namespace detail {

/// The names of the scores that these metrics give, found out on no image at all.
inline std::vector<std::string> score_names(const std::vector<Use<AnyMetric>>& metrics) {
  const CaptionSet nothing({});
  std::vector<std::string> names;
  for (const auto& use : metrics) {
    if (!use.chosen()) continue;
    const AnyMetric metric = use.build(Context{});
    for (const auto& [name, value] : metric.reads_captions() ? scores_of(metric, nothing) : metric.scores(RetrievalRanks{}))
      names.push_back(name);
  }
  return names;
}

/// Metrics of what the model doesn't serve.
inline void check_metrics(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems) {
  if (!options.model.chosen()) return;
  for (std::size_t i = 0; i < options.metric.size(); ++i) {
    const auto& use = options.metric[i];
    if (!use.chosen()) continue;
    const AnyMetric metric = use.build(Context{});
    const Needs lacking = missing(use.needs() | metric.needs(), options.model.serves());
    if (lacking == Needs::nothing) continue;
    const Array* metrics = recipe.value.as<Table>()->find("metric")->value.as<Array>();
    const bool writes_nothing = metric.reads_captions() && lacking == Needs::decoder_logits;
    problems.add((*metrics)[i].place, "metric." + std::to_string(i),
                 "metric '" + use.name() + "' needs " + (writes_nothing ? "captions" : in_words(lacking)) + "; model '" +
                     options.model.name() + "' has " + (writes_nothing ? "no decoder" : "none"));
  }
}

/// Losses of what the model doesn't serve; they are computed in evaluation as well.
inline void check_losses(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems) {
  if (!options.model.chosen()) return;
  for (std::size_t i = 0; i < options.loss.size(); ++i) {
    const auto& loss = options.loss[i];
    if (!loss.chosen()) continue;
    const Needs lacking = missing(loss.needs(), options.model.serves());
    if (lacking == Needs::nothing) continue;
    const Array* losses = recipe.value.as<Table>()->find("loss")->value.as<Array>();
    problems.add((*losses)[i].place, "loss." + std::to_string(i),
                 "loss '" + loss.name() + "' needs " + in_words(lacking) + "; model '" + options.model.name() + "' has none");
  }
}

inline void check_training(const RecipeOptions& options, const Recipe& recipe, std::optional<DeviceName> device, Diagnostics& problems) {
  if (!recipe.value.as<Table>()->find("loss")) problems.add(recipe.place_of("loss"), "loss", "training needs at least one [[loss]]");
  if (!recipe.value.as<Table>()->find("optimizer"))
    problems.add(recipe.value.place, "optimizer", "missing, training needs an [optimizer] with `use`");
  for (std::size_t i = 0; i < options.loss.size(); ++i) {
    const auto& loss = options.loss[i];
    if (loss.chosen() && options.train.batch_size < loss.smallest_batch())
      problems.add(recipe.place_of("train.batch_size"), "train.batch_size",
                   "loss '" + loss.name() + "' needs at least " + std::to_string(loss.smallest_batch()) +
                       " pairs a batch (got train.batch_size = " + std::to_string(options.train.batch_size) +
                       "); accumulation doesn't help, since a loss sees one micro-batch at a time");
  }
  if (device && device->type == DeviceName::Type::cpu && options.train.precision == Precision::fp16)
    problems.add(recipe.place_of("train.precision"), "train.precision",
                 "fp16 needs a GPU and this run is on a CPU; use --set train.precision=fp32 (or bf16)");
}

/// Tries the image steps of training or evaluation.
/// @param steps  of all transforms of the recipe, built
/// @return       whether all images come out in one size; none if there was a problem
inline std::optional<bool> check_pipeline(const RecipeOptions& options, const std::vector<AnyTransform>& steps, When phase,
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
  const std::string key = trial.step ? "transform." + std::to_string(places[*trial.step]) : "transform";
  if (std::ranges::count(problems.problems(), key, &Problem::key) == 0)  // what is wrong in both is said once
    problems.add(trial.step ? (*value_at(recipe.value, "transform")->as<Array>())[places[*trial.step]].place : recipe.place_of("transform"),
                 key, std::string(EnumNames<When>::of(phase)) + ": " + trial.problem);
  return std::nullopt;
}

/// A size that is fixed in training and not in evaluation, or the other way round, is a transform that was forgotten.
inline void check_transforms(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems) {
  const auto of_transforms = [](const Problem& problem) { return problem.key.starts_with("transform"); };
  if (options.transform.empty() || std::ranges::any_of(problems.problems(), of_transforms)) return;
  std::vector<AnyTransform> steps;
  for (std::size_t i = 0; i < options.transform.size(); ++i) try {
      steps.push_back(options.transform[i].build(Context{}));
    } catch (const Error& error) {
      problems.add((*value_at(recipe.value, "transform")->as<Array>())[i].place, "transform." + std::to_string(i), error.what());
    }
  if (steps.size() < options.transform.size()) return;
  const std::optional<bool> evaluation = check_pipeline(options, steps, When::evaluate, recipe, problems);
  if (options.run.task != Task::train) return;
  const std::optional<bool> training = check_pipeline(options, steps, When::train, recipe, problems);
  if (!training || !evaluation || *training == *evaluation) return;
  const char* lacking = *training ? "evaluate" : "train";
  problems.add(
      recipe.place_of("transform"), "transform",
      std::string(lacking) + ": no transform fixes the size of images; add one, e.g. use = \"resize\" with when = \"" + lacking + "\"");
}

inline void check_generation(const GenerateOptions& options, const Recipe& recipe, Diagnostics& problems) {
  if (options.sample && options.beams > 1)
    problems.add(recipe.place_of("generate.sample"), "generate.sample",
                 "beams can't be sampled (got beams = " + std::to_string(options.beams) + ", expected 1); set beams = 1");
  if (options.length_rule == LengthRule::original && options.early_stopping == EarlyStopping::never)
    problems.add(recipe.place_of("generate.early_stopping"), "generate.early_stopping",
                 "length_rule original knows no early_stopping never; use yes or no");
}

inline void check_scores(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems) {
  std::vector<std::string> names = score_names(options.metric);
  const auto twice = std::ranges::find_if(names, [&](const std::string& name) { return std::ranges::count(names, name) > 1; });
  if (twice != names.end())
    problems.add(recipe.place_of("metric"), "metric",
                 "two metrics give a score '" + *twice + "', which nothing would tell apart; keep one");
  names.emplace_back("loss");
  if (std::ranges::find(names, options.evaluate.best) == names.end())
    problems.add(recipe.place_of("evaluate.best"), "evaluate.best",
                 "no metric of this recipe gives a score '" + options.evaluate.best + "'" + suggestion(options.evaluate.best, names) +
                     "; there are: " + listing(names));
}

}  // namespace detail

/// Reads and checks a recipe.
/// @param recipe    as `load_recipe` returns it
/// @param registry  the components that the recipe can name
/// @param device    where it will run; none = not known, and what depends on it isn't checked
/// @throws RecipeError with all problems at once
[[nodiscard]] inline Plan make_plan(const Recipe& recipe, const Registry& registry, std::optional<DeviceName> device = std::nullopt) {
  Diagnostics problems = recipe.problems;
  ReadContext ctx{problems, &registry};
  Plan plan;
  read_options<RecipeOptions>(recipe.value, "", plan, ctx);
  if (plan.run.task == Task::train) detail::check_training(plan, recipe, device, problems);
  detail::check_losses(plan, recipe, problems);
  detail::check_metrics(plan, recipe, problems);
  if (plan.run.task == Task::evaluate && plan.model.extra.weights.empty())
    problems.add(recipe.place_of("model"), "model.weights",
                 "missing, task \"evaluate\" needs the weights to score, e.g. --set model.weights=runs/NAME");
  detail::check_transforms(plan, recipe, problems);
  detail::check_generation(plan.generate, recipe, problems);
  if (problems.empty()) detail::check_scores(plan, recipe, problems);
  problems.throw_if_any();
  plan.resolved = write_options<RecipeOptions>(plan);
  return plan;
}

}  // namespace vlp
