#pragma once
// What `vlp score` found, as a table for people and as one line of JSON.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/image_id.hpp"
#include "vlp/scoring/confidence.hpp"

namespace vlp {

/// Everything that may be shown; what wasn't asked for is empty.
struct ScoreReport {
  std::size_t images = 0;                    ///< scored
  std::size_t missing = 0;                   ///< with references only
  std::size_t extra = 0;                     ///< with a candidate only
  Scores scores;                             ///< over all images
  double level = 0.95;                       ///< of all intervals
  Intervals intervals;                       ///< of `scores`
  Scores baseline;                           ///< of the baseline's captions over the same images
  std::vector<ScoreDifference> differences;  ///< `scores` minus `baseline`
  std::vector<std::pair<ImageId, Scores>> per_image;  ///< by the image's id
};

/// An aligned table, or several.
[[nodiscard]] std::string as_text(const ScoreReport& report);
/// {"scores": {...}, "images": N, ...} and a line feed; scores with all digits that double
/// precision has, image ids that are integers in the references as numbers.
[[nodiscard]] std::string as_json(const ScoreReport& report);

}  // namespace vlp
