#pragma once
// CIDEr-D and plain CIDEr of captions (Vedantam, Zitnick, Parikh 2015), without stemming, as the COCO caption evaluation
// computes them; document frequencies come from the references of the images that are scored.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/state.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/text/ngrams.hpp"
#include "vlp/text/scored_captions.hpp"

namespace vlp {

/// Which of the paper's two scores: `cider_d` clips counts and punishes differing lengths, `plain` does neither.
enum class CiderVariant { cider_d, plain };

/// Scores CIDEr, 0 to 10: the mean over the images. Scores of different sets of images can't be compared or averaged,
/// because an n-gram weighs the more, the fewer images of the set have it in a reference; a single image scores 0.
class Cider {
 public:
  static constexpr std::string_view name = "cider";

  struct Options {
    CiderVariant variant = CiderVariant::cider_d;
    static constexpr auto fields() {
      return std::tuple{field<&Options::variant>("cider_d clips counts and punishes differing lengths; plain does neither.")};
    }
  };

  Cider() = default;
  explicit Cider(Options options) : options_(options) {}

  /// @throws DataError if the image came before or has no reference
  void add(const ScoredCaption& caption) {
    captions_.add(caption);
    Image image{.candidate = ids_.count(caption.candidate), .references = {}};
    for (const std::string& reference : caption.references) image.references.push_back(ids_.count(reference));
    const auto number = static_cast<std::uint32_t>(images_.size() + 1);
    frequencies_.resize(ids_.size());
    for (const NGramCounts& reference : image.references)
      for (const NGramCount& ngram : reference.entries)
        if (std::exchange(frequencies_[ngram.id].last_image, number) != number) ++frequencies_[ngram.id].images;
    images_.push_back(std::move(image));
  }

  /// 0 before the first image.
  [[nodiscard]] Scores scores() const {
    double sum = 0;
    for (const double score : image_scores()) sum += score;
    return {{kScore, images_.empty() ? 0 : sum / static_cast<double>(images_.size())}};
  }

  /// Scores of each image by itself, in the order of `add`.
  [[nodiscard]] std::vector<Scores> per_image() const {
    std::vector<Scores> all;
    all.reserve(images_.size());
    for (const double score : image_scores()) all.push_back({{kScore, score}});
    return all;
  }

  void save(State& state) const { captions_.save(state); }
  /// @throws WeightsError if the entry is missing or broken
  void load(const State& state) {
    Cider restored(options_);
    for (const ScoredCaption& caption : ScoredCaptions::read(state)) restored.add(caption);
    *this = std::move(restored);
  }

 private:
  static constexpr const char* kScore = "CIDEr";

  struct Image {
    NGramCounts candidate;
    std::vector<NGramCounts> references;
  };
  /// In how many images an n-gram stands in a reference, and the number of the last of them, from 1.
  struct Frequency {
    std::uint32_t images = 0;
    std::uint32_t last_image = 0;
  };
  using Norms = std::array<double, kLongestNGram>;

  [[nodiscard]] std::vector<double> image_scores() const {
    std::vector<double> weights(frequencies_.size());  // of one occurrence, by n-gram
    const double log_images = std::log(static_cast<double>(images_.size()));
    for (std::size_t id = 0; id < weights.size(); ++id)
      weights[id] = log_images - std::log(static_cast<double>(std::max(1U, frequencies_[id].images)));

    std::vector<double> scores;
    scores.reserve(images_.size());
    for (const Image& image : images_) {
      const Norms norms = norms_of(image.candidate, weights);
      double sum = 0;
      for (const NGramCounts& reference : image.references) sum += similarity(image.candidate, norms, reference, weights);
      scores.push_back(kScale * sum / static_cast<double>(image.references.size()));
    }
    return scores;
  }

  /// Euclidean length of a caption's weighted counts, by order.
  static Norms norms_of(const NGramCounts& caption, const std::vector<double>& weights) {
    Norms norms{};
    for (std::size_t n = 0; n < kLongestNGram; ++n) {
      for (const NGramCount& ngram : caption.of_order(n + 1)) norms[n] += std::pow(ngram.count * weights[ngram.id], 2);
      norms[n] = std::sqrt(norms[n]);
    }
    return norms;
  }

  /// Mean over the orders of the cosine between two captions' weighted counts, 0 to 1.
  [[nodiscard]] double similarity(const NGramCounts& candidate, const Norms& norms, const NGramCounts& reference,
                                  const std::vector<double>& weights) const {
    const bool clips = options_.variant == CiderVariant::cider_d;
    const Norms reference_norms = norms_of(reference, weights);
    double sum = 0;
    for (std::size_t n = 0; n < kLongestNGram; ++n) {
      double dot = 0;
      for_each_shared(candidate.of_order(n + 1), reference.of_order(n + 1), [&](const NGramCount& ours, const NGramCount& theirs) {
        const double ours_weight = ours.count * weights[ours.id];
        const double theirs_weight = theirs.count * weights[theirs.id];
        dot += (clips ? std::min(ours_weight, theirs_weight) : ours_weight) * theirs_weight;
      });
      if (norms[n] != 0 && reference_norms[n] != 0) dot /= norms[n] * reference_norms[n];
      sum += dot;
    }
    return sum / static_cast<double>(kLongestNGram) * (clips ? length_factor(candidate, reference) : 1.0);
  }

  /// Differs from the paper, as the COCO evaluation does: lengths are counted in bigrams, not words.
  static double length_factor(const NGramCounts& candidate, const NGramCounts& reference) {
    constexpr double kSigma = 6;
    const auto bigrams = [](const NGramCounts& caption) { return static_cast<double>(std::max<std::size_t>(caption.words, 1) - 1); };
    const double difference = bigrams(candidate) - bigrams(reference);
    return std::exp(-difference * difference / (2 * kSigma * kSigma));
  }

  static constexpr double kScale = 10;

  Options options_;
  ScoredCaptions captions_{name};
  NGramIds ids_;
  std::vector<Frequency> frequencies_;  // by n-gram
  std::vector<Image> images_;
};
static_assert(Metric<Cider>);

}  // namespace vlp

VLP_PLUGIN(cider, "1.0", vlp::Cider);
