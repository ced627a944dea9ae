#pragma once
// CIDEr-D and plain CIDEr of captions (Vedantam, Zitnick, Parikh 2015), without stemming, as the
// COCO caption evaluation computes them; document frequencies come from the references of the
// images that are scored, or from a file.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/scoring/document_frequencies.hpp"
#include "vlp/scoring/ngrams.hpp"

namespace vlp {

/// Which of the paper's two scores: `cider_d` clips counts and punishes differing lengths, `plain`
/// does neither.
enum class CiderVariant { cider_d, plain };

/// Scores CIDEr, as everybody's tables call CIDEr-D, or CIDEr_plain, 0 to 10: the mean over the
/// images. Scores of different sets of images can't be compared or averaged, because an n-gram
/// weighs the more, the fewer images of the set have it in a reference; a single image scores 0.
class Cider {
 public:
  static constexpr std::string_view name = "cider";

  struct Options {
    CiderVariant variant = CiderVariant::cider_d;
    std::string document_frequencies;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::variant>(
              "cider_d clips counts and punishes differing lengths; plain does neither."),
          field<&Options::document_frequencies>(
              "A file of document frequencies, relative to --data-dir; \"\" = those of the "
              "references that are scored.")};
    }
  };

  [[nodiscard]] static std::vector<ScoreName> score_names(const Options& options) {
    return {{score_name(options.variant)}};
  }

  Cider() = default;
  /// With the options' file, or the scored references' own frequencies.
  explicit Cider(Options options, const Machine& machine = {}, const Folders& folders = {})
      : options_(std::move(options)), folder_(folders.data), console_(machine.console) {}
  /// With frequencies counted elsewhere, e.g. merged from several processes.
  Cider(CiderVariant variant, std::shared_ptr<const DocumentFrequencies> given)
      : options_{.variant = variant, .document_frequencies = {}}, given_(std::move(given)) {}

  /// A row: score, 1. A note says that of a single image there is no other score than 0.
  /// @throws DataError if a file of frequencies can't be read
  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const {
    if (captions.size() == 0) return {0, 2};
    if (captions.size() == 1 && !given_ && options_.document_frequencies.empty())
      console_.note(std::string(score_name(options_.variant)) +
                    " of a single image is 0 whatever its caption says: no n-gram tells it from "
                    "other images. Score more images, or give document frequencies "
                    "(--document-frequencies FILE; in a recipe document_frequencies of cider).");
    const Weights weights = weights_for(captions);
    const NGrams& ngrams = captions.ngrams();
    return measure_images(captions, 2, [&](std::size_t image, std::span<double> row) {
      const std::size_t candidate = captions.candidate(image);
      const std::size_t end = captions.candidate(image + 1);
      const Norms norms = norms_of(ngrams, candidate, weights);
      double sum = 0;
      for (std::size_t reference = candidate + 1; reference < end; ++reference)
        sum += similarity(ngrams, candidate, norms, reference, weights);
      row[0] = kScale * sum / static_cast<double>(end - candidate - 1);
      row[1] = 1;
    });
  }

  /// 0 without images.
  [[nodiscard]] Scores scores(std::span<const double> sums) const {
    return {{score_name(options_.variant), sums[1] == 0 ? 0 : sums[0] / sums[1]}};
  }

 private:
  static const char* score_name(CiderVariant variant) {
    return variant == CiderVariant::plain ? "CIDEr_plain" : "CIDEr";
  }

  using Norms = std::array<double, kLongestNGram>;

  /// What one occurrence of an n-gram counts: the logarithm of (images / images that have it in a
  /// reference).
  class Weights {
   public:
    /// From the scored references' own frequencies.
    explicit Weights(std::size_t images)
        : log_images_(std::log(static_cast<double>(std::max<std::size_t>(images, 1)))),
          by_frequency_(std::min(images + 1, kTabulated)) {
      for (std::size_t i = 0; i < by_frequency_.size(); ++i) by_frequency_[i] = weight_of(i);
    }
    /// From given frequencies.
    Weights(const DocumentFrequencies& given, const CaptionSet& captions)
        : Weights(given.images()) {
      given_ = given.table(captions);
    }

    double operator()(std::size_t order, NGram ngram) const {
      const std::size_t frequency = given_ ? (*given_)[order - 1][ngram.id] : ngram.documents;
      return frequency < by_frequency_.size() ? by_frequency_[frequency] : weight_of(frequency);
    }

   private:
    static constexpr std::size_t kTabulated = std::size_t{1} << 20;
    [[nodiscard]] double weight_of(std::size_t frequency) const {
      return log_images_ - std::log(static_cast<double>(std::max<std::size_t>(frequency, 1)));
    }

    double log_images_;
    std::vector<double> by_frequency_;
    std::optional<FrequencyTable> given_;
  };

  [[nodiscard]] Weights weights_for(const CaptionSet& captions) const {
    if (given_) return {*given_, captions};
    if (options_.document_frequencies.empty()) return Weights(captions.size());
    return {DocumentFrequencies::read(folder_ / options_.document_frequencies), captions};
  }

  /// Euclidean length of a caption's weighted counts, by order.
  static Norms norms_of(const NGrams& ngrams, std::size_t caption, const Weights& weights) {
    Norms norms{};
    for (std::size_t order = 1; order <= kLongestNGram; ++order) {
      double sum = 0;
      for_each_distinct(ngrams.of(caption, order), [&](NGram ngram, std::uint32_t count) {
        const double weight = count * weights(order, ngram);
        sum += weight * weight;
      });
      norms[order - 1] = std::sqrt(sum);
    }
    return norms;
  }

  /// Mean over the orders of the cosine between two captions' weighted counts, 0 to 1.
  [[nodiscard]] double similarity(const NGrams& ngrams, std::size_t candidate, const Norms& norms,
                                  std::size_t reference, const Weights& weights) const {
    const bool clips = options_.variant == CiderVariant::cider_d;
    const Norms reference_norms = norms_of(ngrams, reference, weights);
    double sum = 0;
    for (std::size_t order = 1; order <= kLongestNGram; ++order) {
      double dot = 0;
      for_each_shared(ngrams.of(candidate, order), ngrams.of(reference, order),
                      [&](std::size_t place, std::uint32_t ours, std::uint32_t theirs) {
                        const double weight = weights(order, ngrams.of(candidate, order)[place]);
                        dot += (clips ? std::min(ours, theirs) : ours) * weight * (theirs * weight);
                      });
      const double scale = norms[order - 1] * reference_norms[order - 1];
      sum += scale != 0 ? dot / scale : dot;
    }
    return sum / static_cast<double>(kLongestNGram) *
           (clips ? length_factor(ngrams.words(candidate), ngrams.words(reference)) : 1.0);
  }

  /// Differs from the paper, as the COCO evaluation does: lengths are counted in bigrams, not
  /// words.
  static double length_factor(std::size_t candidate_words, std::size_t reference_words) {
    constexpr double kSigma = 6;
    const auto bigrams = [](std::size_t words) {
      return static_cast<double>(std::max<std::size_t>(words, 1) - 1);
    };
    const double difference = bigrams(candidate_words) - bigrams(reference_words);
    return std::exp(-difference * difference / (2 * kSigma * kSigma));
  }

  static constexpr double kScale = 10;

  Options options_;
  std::filesystem::path folder_;
  Console console_;
  std::shared_ptr<const DocumentFrequencies> given_;
};
static_assert(Metric<Cider>);

}  // namespace vlp

VLP_PLUGIN(cider, "1.0", vlp::Cider);
