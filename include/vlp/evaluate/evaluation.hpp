#pragma once
// What an evaluation gives. Includes no torch.

#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/report/measured.hpp"
#include "vlp/report/observer.hpp"

namespace vlp {

/// What an evaluation found.
struct Evaluation {
  Measured measured;                     ///< losses and scores
  std::vector<CaptionedImage> captions;  ///< in the dataset's order; empty for a model that doesn't
                                         ///< generate
  std::vector<BadSample> bad;            ///< images that were left out, in the dataset's order
};

/// Scores of a set, and of each image in it.
struct CaptionScores {
  Scores scores;                  ///< of all metrics, in their order
  std::vector<ImageScores> rows;  ///< of the metrics of captions; empty without captions
};

}  // namespace vlp
