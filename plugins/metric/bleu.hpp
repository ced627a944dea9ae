#pragma once
// BLEU-1 to BLEU-4 of captions (Papineni et al. 2002), with the constants and the closest reference
// length of the COCO caption evaluation (Chen et al. 2015), whose numbers it reproduces.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/scoring/ngrams.hpp"

namespace vlp {

/// Scores Bleu_1 to Bleu_4, 0 to 1. The score over all images pools their counts; it isn't the
/// images' mean.
class Bleu {
 public:
  static constexpr std::string_view name = "bleu";
  [[nodiscard]] static std::vector<ScoreName> score_names(const NoOptions&) {
    std::vector<ScoreName> names;
    for (std::size_t n = 1; n <= kLongestNGram; ++n) names.push_back({"Bleu_" + std::to_string(n)});
    return names;
  }

  /// A row: the candidate's words, the words of the reference whose length is closest, the
  /// candidate's n-grams of 1 to 4 words, and how many of these stand in a reference.
  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const {
    const NGrams& ngrams = captions.ngrams();
    return measure_images(captions, kColumns, [&](std::size_t image, std::span<double> row) {
      const std::size_t candidate = captions.candidate(image);
      const std::size_t end = captions.candidate(image + 1);
      row[kCandidateWords] = static_cast<double>(ngrams.words(candidate));
      row[kReferenceWords] = static_cast<double>(closest_length(ngrams, candidate, end));
      for (std::size_t order = 1; order <= kLongestNGram; ++order) {
        row[kNGrams + order - 1] = static_cast<double>(ngrams.of(candidate, order).size());
        row[kCorrect + order - 1] = static_cast<double>(correct(ngrams, candidate, end, order));
      }
    });
  }

  /// Differs from the paper: two small constants keep every quotient finite, so that no score is
  /// exactly 0 or 1 (but for empty candidates and sets, whose scores are 0).
  [[nodiscard]] Scores scores(std::span<const double> sums) const {
    constexpr double kTiny = 1e-15;
    constexpr double kSmall = 1e-9;
    const double ratio = (sums[kCandidateWords] + kTiny) / (sums[kReferenceWords] + kSmall);
    const double brevity_penalty = ratio < 1 ? std::exp(1 - 1 / ratio) : 1.0;
    Scores scores;
    double precisions = 1;
    for (std::size_t n = 0; n < kLongestNGram; ++n) {
      precisions *= (sums[kCorrect + n] + kTiny) / (sums[kNGrams + n] + kSmall);
      scores.emplace_back("Bleu_" + std::to_string(n + 1),
                          std::pow(precisions, 1.0 / static_cast<double>(n + 1)) * brevity_penalty);
    }
    return scores;
  }

 private:
  enum Column : std::size_t {
    kCandidateWords,
    kReferenceWords,
    kNGrams,
    kCorrect = kNGrams + kLongestNGram,
    kColumns = kCorrect + kLongestNGram
  };

  /// Of the captions (candidate, end), in words; the shorter of two that are equally close.
  static std::size_t closest_length(const NGrams& ngrams, std::size_t candidate, std::size_t end) {
    const std::size_t words = ngrams.words(candidate);
    const auto distance = [&](std::size_t length) {
      return length > words ? length - words : words - length;
    };
    std::size_t closest = ngrams.words(candidate + 1);
    for (std::size_t reference = candidate + 2; reference < end; ++reference)
      if (const std::size_t length = ngrams.words(reference);
          distance(length) < distance(closest) ||
          (distance(length) == distance(closest) && length < closest))
        closest = length;
    return closest;
  }

  /// How many of the candidate's n-grams stand in a reference, each at most as often as in the
  /// reference that has it most.
  static std::size_t correct(const NGrams& ngrams, std::size_t candidate, std::size_t end,
                             std::size_t order) {
    const NGramSpan own = ngrams.of(candidate, order);
    std::vector<std::uint32_t> most(
        own.size());  // by the place where an n-gram's run begins in `own`
    for (std::size_t reference = candidate + 1; reference < end; ++reference)
      for_each_shared(own, ngrams.of(reference, order),
                      [&](std::size_t place, std::uint32_t ours, std::uint32_t theirs) {
                        most[place] = std::max(most[place], std::min(ours, theirs));
                      });
    return std::accumulate(most.begin(), most.end(), std::size_t{0});
  }
};
static_assert(Metric<Bleu>);

}  // namespace vlp

VLP_PLUGIN(bleu, "1.0", vlp::Bleu);
