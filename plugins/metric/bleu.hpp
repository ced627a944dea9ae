#pragma once
// BLEU-1 to BLEU-4 of captions (Papineni et al. 2002), with the constants and the closest reference length of the COCO
// caption evaluation (Chen et al. 2015), whose numbers it reproduces.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/state.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/text/ngrams.hpp"
#include "vlp/text/scored_captions.hpp"

namespace vlp {

/// Scores Bleu_1 to Bleu_4, 0 to 1. The score over all images pools their counts; it isn't the images' mean.
class Bleu {
 public:
  static constexpr std::string_view name = "bleu";

  /// @throws DataError if the image came before or has no reference
  void add(const ScoredCaption& caption) {
    captions_.add(caption);
    counts_.push_back(count(caption));
    const Counts& image = counts_.back();
    total_.candidate_words += image.candidate_words;
    total_.reference_words += image.reference_words;
    for (std::size_t n = 0; n < kLongestNGram; ++n) {
      total_.ngrams[n] += image.ngrams[n];
      total_.correct[n] += image.correct[n];
    }
  }

  /// All 0 before the first image.
  [[nodiscard]] Scores scores() const { return scores_of(total_); }

  /// Scores of each image by itself, in the order of `add`.
  [[nodiscard]] std::vector<Scores> per_image() const {
    std::vector<Scores> all;
    all.reserve(counts_.size());
    for (const Counts& image : counts_) all.push_back(scores_of(image));
    return all;
  }

  void save(State& state) const { captions_.save(state); }
  /// @throws WeightsError if the entry is missing or broken
  void load(const State& state) {
    Bleu restored;
    for (const ScoredCaption& caption : ScoredCaptions::read(state)) restored.add(caption);
    *this = std::move(restored);
  }

 private:
  /// What BLEU is made of, for one image or summed over many.
  struct Counts {
    double candidate_words = 0;
    double reference_words = 0;                   // of the reference whose length is closest
    std::array<double, kLongestNGram> ngrams{};   // of the candidate, by order
    std::array<double, kLongestNGram> correct{};  // of these, found in a reference
  };

  Counts count(const ScoredCaption& caption) {
    ids_.clear();  // one image's n-grams fit the cache
    const NGramCounts candidate = ids_.count(caption.candidate);
    Counts result{.candidate_words = static_cast<double>(candidate.words)};
    for (std::size_t order = 1; order <= kLongestNGram; ++order)
      result.ngrams[order - 1] = std::max(0.0, result.candidate_words - static_cast<double>(order - 1));

    std::vector<std::uint32_t> best(candidate.entries.size());  // largest count in any one reference
    std::size_t closest = 0;
    const auto distance = [&](std::size_t words) { return words > candidate.words ? words - candidate.words : candidate.words - words; };
    for (std::size_t i = 0; i < caption.references.size(); ++i) {
      const NGramCounts reference = ids_.count(caption.references[i]);
      const bool nearer = distance(reference.words) < distance(closest);
      const bool shorter = distance(reference.words) == distance(closest) && reference.words < closest;
      if (i == 0 || nearer || shorter) closest = reference.words;
      for (std::size_t order = 1; order <= kLongestNGram; ++order)
        for_each_shared(candidate.of_order(order), reference.of_order(order), [&](const NGramCount& ours, const NGramCount& theirs) {
          std::uint32_t& most = best[static_cast<std::size_t>(&ours - candidate.entries.data())];
          most = std::max(most, std::min(ours.count, theirs.count));
        });
    }
    result.reference_words = static_cast<double>(closest);
    for (std::size_t order = 1; order <= kLongestNGram; ++order)
      for (std::size_t i = candidate.begin[order - 1]; i < candidate.begin[order]; ++i) result.correct[order - 1] += best[i];
    return result;
  }

  /// Differs from the paper: two small constants keep every quotient finite, so that no score is exactly 0 or 1.
  static Scores scores_of(const Counts& counts) {
    constexpr double kTiny = 1e-15;
    constexpr double kSmall = 1e-9;
    const double ratio = (counts.candidate_words + kTiny) / (counts.reference_words + kSmall);
    const double brevity_penalty = ratio < 1 ? std::exp(1 - 1 / ratio) : 1.0;
    Scores scores;
    double precisions = 1;
    for (std::size_t n = 0; n < kLongestNGram; ++n) {
      precisions *= (counts.correct[n] + kTiny) / (counts.ngrams[n] + kSmall);
      const auto order = n + 1;
      scores.emplace_back("Bleu_" + std::to_string(order), std::pow(precisions, 1.0 / static_cast<double>(order)) * brevity_penalty);
    }
    return scores;
  }

  ScoredCaptions captions_{name};
  NGramIds ids_;
  std::vector<Counts> counts_;  // by image
  Counts total_;
};
static_assert(Metric<Bleu>);

}  // namespace vlp

VLP_PLUGIN(bleu, "1.0", vlp::Bleu);
