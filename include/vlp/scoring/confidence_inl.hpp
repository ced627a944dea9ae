#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/random.hpp"
#include "vlp/scoring/confidence.hpp"
#include "vlp/scoring/resample.hpp"

namespace vlp {

VLP_INLINE Interval central_interval(std::vector<double> values, double level) {
  std::ranges::sort(values);
  const auto at = [&](double share) {
    const double position = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const double above = values[std::min(below + 1, values.size() - 1)];
    return values[below] + (position - static_cast<double>(below)) * (above - values[below]);
  };
  return {at((1 - level) / 2), at((1 + level) / 2)};
}

namespace detail {

/// Rows side by side: [images, columns of all].
inline ImageStatistics side_by_side(std::span<const ImageStatistics> parts) {
  std::size_t columns = 0;
  for (const ImageStatistics& part : parts) {
    if (part.images() != parts.front().images())
      throw std::invalid_argument("metrics measured different numbers of images");
    columns += part.columns;
  }
  ImageStatistics joined;
  joined.columns = columns;
  for (std::size_t image = 0; image < parts.front().images(); ++image)
    for (const ImageStatistics& part : parts) {
      const auto row = part.row(image);
      joined.values.insert(joined.values.end(), row.begin(), row.end());
    }
  return joined;
}

/// The scores of several metrics from sums side by side.
class JointScores {
 public:
  JointScores(std::span<const AnyMetric> metrics, std::span<const ImageStatistics> rows)
      : metrics_(metrics) {
    if (metrics.size() != rows.size() || rows.empty())
      throw std::invalid_argument("each metric needs its rows");
    for (const ImageStatistics& part : rows) columns_.push_back(part.columns);
  }

  [[nodiscard]] Scores operator()(std::span<const double> sums) const {
    Scores all;
    for (std::size_t i = 0; i < metrics_.size(); ++i) {
      for (auto& score : metrics_[i].scores(sums.first(columns_[i])))
        all.push_back(std::move(score));
      sums = sums.subspan(columns_[i]);
    }
    return all;
  }

 private:
  std::span<const AnyMetric> metrics_;
  std::vector<std::size_t> columns_;
};

/// For each score of `wanted`, what the draws gave. A draw without the score, which some metrics
/// leave out where no image of the draw has it, adds nothing.
template <class ScoresOfDraw>
std::vector<std::vector<double>> values_by_score(const Scores& wanted, std::size_t draws,
                                                 const ScoresOfDraw& scores_of_draw) {
  std::vector<std::vector<double>> values(wanted.size());
  for (std::size_t draw = 0; draw < draws; ++draw) {
    const Scores scores = scores_of_draw(draw);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (const auto found = std::ranges::find(scores, wanted[i].first, &Scores::value_type::first);
          found != scores.end())
        values[i].push_back(found->second);
  }
  return values;
}

inline void check(const ConfidenceOptions& options, const ImageStatistics& rows) {
  if (!(options.level > 0 && options.level < 1))
    throw std::invalid_argument("a confidence level lies between 0 and 1");
  if (options.resamples < 1) throw std::invalid_argument("confidence needs at least one resample");
  if (rows.images() == 0) throw std::invalid_argument("confidence needs at least one image");
}

/// `a - b`, for the scores that both have.
inline Scores difference(const Scores& a, const Scores& b) {
  Scores result;
  for (const auto& [name, value] : a)
    for (const auto& [other, subtracted] : b)
      if (name == other) result.emplace_back(name, value - subtracted);
  return result;
}

}  // namespace detail

VLP_INLINE Intervals confidence_intervals(std::span<const AnyMetric> metrics,
                                          std::span<const ImageStatistics> rows,
                                          const ConfidenceOptions& options) {
  const detail::JointScores scores_of(metrics, rows);
  const ImageStatistics joined = detail::side_by_side(rows);
  detail::check(options, joined);
  const auto draws = static_cast<std::size_t>(options.resamples);
  const std::vector<double> sums =
      weighted_sums(joined, draws, RandomStream(options.seed).derive("bootstrap"), options.threads,
                    draw_with_replacement);
  const Scores scores = scores_of(joined.sums());
  const auto values = detail::values_by_score(scores, draws, [&](std::size_t draw) {
    return scores_of(std::span(sums).subspan(draw * joined.columns, joined.columns));
  });
  Intervals intervals;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (!values[i].empty())
      intervals.emplace_back(scores[i].first, central_interval(values[i], options.level));
  return intervals;
}

VLP_INLINE std::vector<ScoreDifference> paired_differences(
    std::span<const AnyMetric> metrics, std::span<const ImageStatistics> rows,
    std::span<const ImageStatistics> baseline, const ConfidenceOptions& options) {
  const detail::JointScores scores_of(metrics, rows);
  const ImageStatistics ours = detail::side_by_side(rows), theirs = detail::side_by_side(baseline);
  detail::check(options, ours);
  if (ours.columns != theirs.columns || ours.images() != theirs.images())
    throw std::invalid_argument("the baseline was measured on other images");
  const std::size_t columns = ours.columns;
  const auto draws = static_cast<std::size_t>(options.resamples);
  const RandomStream random(options.seed);

  const std::vector<ImageStatistics> both{ours, theirs};
  const std::vector<double> drawn =
      weighted_sums(detail::side_by_side(both), draws, random.derive("bootstrap"), options.threads,
                    draw_with_replacement);
  ImageStatistics change(ours.images(),
                         columns);  // what a swap adds to our sums and takes from theirs
  for (std::size_t i = 0; i < change.values.size(); ++i)
    change.values[i] = theirs.values[i] - ours.values[i];
  const std::vector<double> swapped =
      weighted_sums(change, draws, random.derive("swap"), options.threads, draw_half);

  const std::vector<double> our_sums = ours.sums(), their_sums = theirs.sums();
  const Scores differences = detail::difference(scores_of(our_sums), scores_of(their_sums));
  const auto bootstrap = detail::values_by_score(differences, draws, [&](std::size_t draw) {
    const auto sums = std::span(drawn).subspan(draw * 2 * columns, 2 * columns);
    return detail::difference(scores_of(sums.first(columns)), scores_of(sums.last(columns)));
  });
  const auto randomized = detail::values_by_score(differences, draws, [&](std::size_t draw) {
    std::vector<double> a = our_sums, b = their_sums;
    for (std::size_t i = 0; i < columns; ++i) {
      a[i] += swapped[draw * columns + i];
      b[i] -= swapped[draw * columns + i];
    }
    return detail::difference(scores_of(a), scores_of(b));
  });

  std::vector<ScoreDifference> result;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    if (bootstrap[i].empty()) continue;
    const auto& [name, value] = differences[i];
    // Sums in another order differ in their last digits; a swap that changes nothing still counts
    // as equal.
    constexpr double rounding = 1e-12;
    const double limit = std::abs(value) - rounding;
    const auto as_far =
        std::ranges::count_if(randomized[i], [&](double swap) { return std::abs(swap) >= limit; });
    result.push_back(
        {.name = name,
         .difference = value,
         .interval = central_interval(bootstrap[i], options.level),
         .p = static_cast<double>(as_far + 1) / static_cast<double>(randomized[i].size() + 1)});
  }
  return result;
}

}  // namespace vlp
