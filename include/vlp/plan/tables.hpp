#pragma once
// The tables of a recipe that trains or evaluates a model, in the order of the data flow.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/evaluate/options.hpp"
#include "vlp/image/image_reading.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/use.hpp"
#include "vlp/start/weight_sources.hpp"
#include "vlp/train/checkpoint_options.hpp"
#include "vlp/train/options.hpp"

namespace vlp {

/// The table [run].
struct RunOptions {
  std::string task = "train";
  std::int64_t seed = 17;

  static constexpr auto fields() {
    return std::tuple{
        field<&RunOptions::task>("What the recipe is for."),
        field<&RunOptions::seed>(
            "Seed of everything random: split, order, initial weights, dropout.", at_least(0))};
  }
};

/// What [dataset] keeps beside the component's own options.
struct DatasetExtras {
  OnBad on_bad = OnBad::stop;
  double max_bad = 0.01;
  std::int64_t max_bad_images = 1000;
  ImageReading images;

  static constexpr auto fields() {
    return std::tuple{
        field<&DatasetExtras::on_bad>(
            "What happens when an image is missing or broken. stop: the run ends. skip: another "
            "sample takes its place in training, evaluations leave it out, and bad.jsonl in the "
            "run folder lists it."),
        field<&DatasetExtras::max_bad>("Largest share of a split's images that are skipped, "
                                       "rounded up to whole images; more end the run.",
                                       between(0, 1)),
        field<&DatasetExtras::max_bad_images>(
            "Most images of a split that are skipped, whatever their share.", at_least(0)),
        group<&DatasetExtras::images>()};
  }

  /// The limits that they set.
  [[nodiscard]] BadSampleLimits limits() const { return {on_bad, max_bad, max_bad_images}; }
};

/// What [model] keeps beside the component's own options.
struct ModelExtras {
  WeightSources weights;
  std::string prompt;

  static constexpr auto fields() {
    return std::tuple{
        field<&ModelExtras::weights>(
            "Where initial weights come from: a run folder, a Hugging Face folder, a file of "
            "weights, or a downloaded model's name on the "
            "hub; or a table with one of these for each part, named as the model's format names "
            "its parts, and `model` for the others, "
            "e.g. { encoder = \"deit.pth\", text = "
            "\"bert-base-uncased\" }. Empty = random."),
        field<&ModelExtras::prompt>("Text before every caption, e.g. \"a picture of\"; ignored by "
                                    "the loss, given in generation.")};
  }
};

/// Where a transform takes part: everywhere, in training only, or wherever a model is evaluated or
/// used.
enum class When { always, train, evaluate };

/// What each [[transform]] keeps beside the component's own options.
struct TransformExtras {
  When when = When::always;

  static constexpr auto fields() {
    return std::tuple{
        field<&TransformExtras::when>("always; train: in training batches only; evaluate: in "
                                      "validation, test, captioning, retrieval, "
                                      "matching and tracing only.")};
  }
};

/// One [[transform]] of a recipe.
using TransformUse = Use<AnyTransform, TransformExtras>;

/// What each [[loss]] keeps beside the component's own options.
struct LossExtras {
  double weight = 1.0;

  static constexpr auto fields() {
    return std::tuple{field<&LossExtras::weight>("Factor of this loss in the sum.", at_least(0))};
  }
};

/// What [optimizer] keeps beside the component's own options.
struct OptimizerExtras {
  std::vector<GroupOptions> group;

  static constexpr auto fields() {
    return std::tuple{field<&OptimizerExtras::group>(
        "Parameters with a learning rate or a weight decay of their own.")};
  }
};

/// The table [report].
struct ReportOptions {
  bool baseline = true;
  std::int64_t contact_sheet = 24;

  static constexpr auto fields() {
    return std::tuple{
        field<&ReportOptions::baseline>(
            "Scores the commonest training caption, said of every image, beside the model."),
        field<&ReportOptions::contact_sheet>(
            "Images on contact_sheet.png with their captions; 0 = no sheet.", between(0, 400))};
  }
};

/// A whole recipe, in the order of the data flow.
struct RecipeOptions {
  RunOptions run;
  Use<AnyDataset, DatasetExtras> dataset;
  Use<AnyTokenizer> tokenizer;
  std::vector<TransformUse> transform;
  Use<AnyModel, ModelExtras> model;
  std::vector<Use<AnyLoss, LossExtras>> loss;
  std::vector<Use<AnyMetric>> metric;
  std::optional<Use<AnyOptimizer, OptimizerExtras>> optimizer;
  std::optional<Use<AnySchedule>> schedule;
  TrainOptions train;
  EvaluateOptions evaluate;
  GenerateOptions generate;
  ReportOptions report;
  CheckpointOptions checkpoint;

  static constexpr auto fields() {
    using O = RecipeOptions;
    return std::tuple{
        field<&O::run>("The task and its seed."),
        field<&O::dataset>("Images with captions, divided into splits."),
        field<&O::tokenizer>("Text to ids and back."),
        field<&O::transform>("What becomes of images and captions before the model, in order.",
                             not_empty()),
        field<&O::model>("What is trained."),
        field<&O::loss>("What is minimised: a weighted sum."),
        field<&O::metric>("Scores of generated captions, or of a retrieval."),
        field<&O::optimizer>("How gradients become updates."),
        field<&O::schedule>("How the learning rate changes."),
        field<&O::train>("How long and in which portions to train."),
        field<&O::evaluate>("How to evaluate, and what the best weights are."),
        field<&O::generate>("How captions are generated."),
        field<&O::report>("What a run shows besides its scores."),
        field<&O::checkpoint>("From where a run can go on.")};
  }
};

}  // namespace vlp
