#pragma once
// What is measured of a model on a split, in one place for trainer, reports and files. Includes no
// torch.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/image_id.hpp"

namespace vlp {

/// The scores of one image.
struct ImageScores {
  ImageId image_id;
  Scores scores;  ///< of the metrics that give a row an image, in the recipe's order

  friend bool operator==(const ImageScores&, const ImageScores&) = default;
};

/// Losses and scores over the images of a split.
struct Measured {
  std::int64_t images = 0;        ///< how many
  std::int64_t bad = 0;           ///< further ones, missing or broken, that were left out
  std::optional<double> loss;     ///< see `ValidationLoss`; none without a loss
  Scores losses;                  ///< the parts of which it is made
  Scores scores;                  ///< of all metrics, in the recipe's order
  std::vector<ImageScores> rows;  ///< image by image, in the dataset's order; empty without metrics
                                  ///< that give them

  friend bool operator==(const Measured&, const Measured&) = default;
};

/// @return  the value of that name; none if there is no such name
[[nodiscard]] inline std::optional<double> score_named(const Scores& scores,
                                                       std::string_view name) {
  for (const auto& [key, value] : scores)
    if (key == name) return value;
  return std::nullopt;
}

/// The value by which epochs are compared, larger is better; none where nothing of that name was
/// measured.
/// @param chooser  a score's name, or `loss`, of which the smaller is better
/// @param less_is_better  of the score
[[nodiscard]] inline std::optional<double> selection_score(const Measured& measured,
                                                           std::string_view chooser,
                                                           bool less_is_better = false) {
  if (chooser == "loss") return measured.loss ? std::optional(-*measured.loss) : std::nullopt;
  const std::optional<double> score = score_named(measured.scores, chooser);
  return score && less_is_better ? std::optional(-*score) : score;
}

/// The losses of which a sum is made, without what they in turn are made of: `itc` and `lm.0`, but
/// not `itc.i2t`.
[[nodiscard]] inline Scores loss_terms(const Scores& losses) {
  Scores kept;
  for (const auto& [name, value] : losses) {
    const std::size_t dot = name.find('.');
    if (dot == name.npos || name.find_first_not_of("0123456789", dot + 1) == name.npos)
      kept.emplace_back(name, value);
  }
  return kept;
}

}  // namespace vlp
