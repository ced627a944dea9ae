#pragma once
// A recipe understood: every option read and checked, every component chosen, nothing built. Every mistake in a recipe
// surfaces here, all at once.

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
#include "vlp/evaluate/options.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/use.hpp"
#include "vlp/text/caption_set.hpp"
#include "vlp/train/options.hpp"

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
  std::string weights;
  std::string prompt;

  static constexpr auto fields() {
    return std::tuple{
        field<&ModelExtras::weights>(
            "Where initial weights come from: a run folder, a Hugging Face folder, a file of weights, or a downloaded model's name on the "
            "hub; empty = random."),
        field<&ModelExtras::prompt>("Text before every caption, e.g. \"a picture of\"; ignored by the loss, given in generation.")};
  }
};

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
  std::vector<Use<AnyTransform>> transform;
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
                      field<&O::transform>("From a decoded image to the encoder's input, in order.", not_empty()),
                      field<&O::model>("What is trained."),
                      field<&O::loss>("What is minimised: a weighted sum."),
                      field<&O::metric>("Scores of generated captions."),
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
    for (const auto& [name, value] : scores_of(use.build(Context{}), nothing)) names.push_back(name);
  }
  return names;
}

inline void check_training(const RecipeOptions& options, const Recipe& recipe, std::optional<DeviceName> device, Diagnostics& problems) {
  if (!recipe.value.as<Table>()->find("loss")) problems.add(recipe.place_of("loss"), "loss", "training needs at least one [[loss]]");
  if (!recipe.value.as<Table>()->find("optimizer"))
    problems.add(recipe.value.place, "optimizer", "missing, training needs an [optimizer] with `use`");
  for (std::size_t i = 0; i < options.loss.size(); ++i) {
    const auto& loss = options.loss[i];
    if (!loss.chosen() || !options.model.chosen()) continue;
    const Needs lacking = missing(loss.needs(), options.model.serves());
    if (lacking == Needs::nothing) continue;
    const Array* losses = recipe.value.as<Table>()->find("loss")->value.as<Array>();
    problems.add((*losses)[i].place, "loss." + std::to_string(i),
                 "loss '" + loss.name() + "' needs " + in_words(lacking) + "; model '" + options.model.name() + "' has none");
  }
  if (device && device->type == DeviceName::Type::cpu && options.train.precision == Precision::fp16)
    problems.add(recipe.place_of("train.precision"), "train.precision",
                 "fp16 needs a GPU and this run is on a CPU; use --set train.precision=fp32 (or bf16)");
}

inline void check_generation(const GenerateOptions& options, const Recipe& recipe, Diagnostics& problems) {
  if (options.sample && options.beams > 1)
    problems.add(recipe.place_of("generate.sample"), "generate.sample",
                 "beams can't be sampled (got beams = " + std::to_string(options.beams) + ", expected 1); set beams = 1");
  if (options.length_rule == LengthRule::original && options.early_stopping == EarlyStopping::never)
    problems.add(recipe.place_of("generate.early_stopping"), "generate.early_stopping",
                 "length_rule original knows no early_stopping never; use yes or no");
}

inline void check_best(const RecipeOptions& options, const Recipe& recipe, Diagnostics& problems) {
  std::vector<std::string> names = score_names(options.metric);
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
  if (plan.run.task == Task::evaluate && plan.model.extra.weights.empty())
    problems.add(recipe.place_of("model"), "model.weights",
                 "missing, task \"evaluate\" needs the weights to score, e.g. --set model.weights=runs/NAME");
  detail::check_generation(plan.generate, recipe, problems);
  if (problems.empty()) detail::check_best(plan, recipe, problems);
  problems.throw_if_any();
  plan.resolved = write_options<RecipeOptions>(plan);
  return plan;
}

}  // namespace vlp
