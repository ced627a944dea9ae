#pragma once
// How sure a score over a set of images is: percentile bootstrap over the images (Efron 1979; for
// BLEU, Koehn 2004), and whether one model's scores differ from another's: approximate
// randomization (Noreen 1989), which rejects less often by mistake than the bootstrap (Riezler and
// Maxwell 2005). Includes no torch.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// How confidence is computed.
struct ConfidenceOptions {
  double level = 0.95;  ///< share of the resamples that lies within the interval, above 0, below 1
  std::int64_t resamples = 1000;  ///< of the images; at least 1
  std::uint64_t seed = 0;         ///< equal seeds draw equal images
  std::int64_t threads = 1;       ///< 0 = all cores; changes no digit
};

/// Where a score lies with the wanted confidence, ends included.
struct Interval {
  double low = 0;   ///< lower end
  double high = 0;  ///< upper end
};

/// A score's name and interval.
using Intervals = std::vector<std::pair<std::string, Interval>>;

/// One score of two models on the same images.
struct ScoreDifference {
  std::string name;       ///< of the score
  double difference = 0;  ///< the model's minus the baseline's
  Interval interval;      ///< of the difference, from resamples of the images
  double p =
      1;  ///< two-sided: how likely a difference at least as large is if both models were alike
};

/// The middle part of a sample that holds the share `level` of it; between two order statistics
/// linear interpolation, as numpy.percentile does.
/// @param values  not empty
/// @param level   0 to 1
[[nodiscard]] Interval central_interval(std::vector<double> values, double level);

/// The interval of each score over all images, by resampling the images with replacement; all
/// metrics see the same draws. What the rows depend on besides their image (CIDEr's document
/// frequencies) stays as it is. A score that no resample has is left out.
/// @param metrics  as they will be shown
/// @param rows     what each of them measured
/// @param options  level, draws, threads
/// @throws std::invalid_argument if there is no image, rows of different length, or an option out
/// of its range
[[nodiscard]] Intervals confidence_intervals(std::span<const AnyMetric> metrics,
                                             std::span<const ImageStatistics> rows,
                                             const ConfidenceOptions& options);

/// Compares two models' scores on the same images. Intervals as `confidence_intervals` gives them,
/// of the difference. For p the two models' rows are swapped for each image with probability 1/2,
/// `options.resamples` times; p is the share of swaps, the unswapped rows counted as one, whose
/// difference is at least as far from 0.
/// @param metrics   as they will be shown
/// @param rows      what each of them measured of the model's captions
/// @param baseline  what each of them measured of the baseline's, image by image the same
///                  references
/// @param options   level of the intervals, draws, threads
/// @throws std::invalid_argument as `confidence_intervals`
[[nodiscard]] std::vector<ScoreDifference> paired_differences(
    std::span<const AnyMetric> metrics, std::span<const ImageStatistics> rows,
    std::span<const ImageStatistics> baseline, const ConfidenceOptions& options);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/scoring/confidence_inl.hpp"
#endif
