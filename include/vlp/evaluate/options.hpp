#pragma once
// The table [evaluate] of a recipe. Includes no torch.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "vlp/concepts/dataset.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/train/checkpoint_options.hpp"

namespace vlp {

/// Which weights a run evaluates and keeps as the best: the model's, or their average over updates.
enum class EvaluatedWeights { model, ema };

/// How to evaluate, and what the best checkpoint is.
struct EvaluateOptions {
  std::int64_t batch_size = 32;
  std::string every = "epoch";
  std::string best = "loss";
  std::int64_t patience = 0;
  std::int64_t max_images = 0;
  EvaluatedWeights weights = EvaluatedWeights::model;
  Split split = Split::test;

  static constexpr auto fields() {
    return std::tuple{
        field<&EvaluateOptions::batch_size>("Images a batch.", at_least(1)),
        field<&EvaluateOptions::every>(
            "When to evaluate on the validation split: \"epoch\", \"500 steps\" (and behind the "
            "last one) or \"never\". `split` is evaluated once, at the end.",
            not_empty()),
        field<&EvaluateOptions::best>("Score that chooses the best weights on the validation "
                                      "split: a metric's (more is better) or `loss` (less is).",
                                      not_empty()),
        field<&EvaluateOptions::patience>("Ends training after this many evaluations in a row that "
                                          "aren't better than the best. 0 = never.",
                                          at_least(0)),
        field<&EvaluateOptions::max_images>(
            "Evaluates on the first images of a split only; 0 = all.", at_least(0)),
        field<&EvaluateOptions::weights>(
            "Which weights training evaluates and writes to model/: `model`, or `ema`, the average "
            "over updates of train.ema."),
        field<&EvaluateOptions::split>("The split scored at the end, with the best weights."),
    };
  }
  /// When to evaluate on the validation split, in epochs or updates; none = never.
  [[nodiscard]] std::optional<Rhythm> rhythm() const {
    return every == "never" ? std::nullopt : rhythm_of(every);
  }
  /// Whether the validation split is evaluated every so many updates.
  [[nodiscard]] bool by_steps() const {
    const std::optional<Rhythm> when = rhythm();
    return when && when->unit == Rhythm::Unit::step;
  }
  /// Empty = nothing is wrong.
  [[nodiscard]] std::string problem() const {
    constexpr const char* expected = "expected \"epoch\", \"N steps\" or \"never\"";
    const std::optional<Rhythm> when = rhythm();
    if (when && when->unit == Rhythm::Unit::minute)
      return "every is \"" + every +
             "\"; evaluations choose the best weights, and which ones must not depend on the clock "
             "(" +
             expected + ")";
    if (!when && every != "never") return "every is \"" + every + "\", " + expected;
    return patience > 0 && !when
               ? "patience is " + std::to_string(patience) +
                     " and every is \"never\"; without evaluations nothing becomes better "
                     "(expected patience = 0, every = \"epoch\" or every = \"N steps\")"
               : std::string();
  }
};

}  // namespace vlp
