#pragma once
// Metric: scores of generated captions against references, or of a retrieval of texts by images and
// images by texts. Contract of a caption metric: `measure` gives a row of numbers an image, in the
// set's order; rows add up, so that `scores` of the sum of all rows is the score over all images,
// `scores` of one row that of one image, and parts measured apart (by threads, by processes) are
// put together by appending their rows. Contract of a retrieval metric: a pure function of ranks.
// Includes no torch.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/needs.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

class CaptionSet;  // scoring/caption_set.hpp

/// One image's generated caption beside what people wrote.
struct ScoredCaption {
  std::string image_id;                 ///< unique within a set
  std::string candidate;                ///< the generated caption, in a CaptionSet its tokens
  std::vector<std::string> references;  ///< at least one, in a CaptionSet their tokens
  std::string raw;                      ///< in a CaptionSet, the caption before it became tokens
};

/// Named numbers in the order in which they should be shown, e.g. {"CIDEr", 1.17}.
using Scores = std::vector<std::pair<std::string, double>>;

/// What a metric has counted, a row an image.
struct ImageStatistics {
  std::size_t columns =
      0;  ///< numbers an image; how many and what they mean is the metric's matter
  std::vector<double> values;  ///< [images, columns]

  ImageStatistics() = default;
  /// All 0.
  ImageStatistics(std::size_t images, std::size_t columns)
      : columns(columns), values(images * columns) {}

  /// How many rows there are.
  [[nodiscard]] std::size_t images() const { return columns == 0 ? 0 : values.size() / columns; }
  /// The numbers of one image.
  [[nodiscard]] std::span<const double> row(std::size_t image) const {
    return std::span(values).subspan(image * columns, columns);
  }
  /// The same, to be filled.
  [[nodiscard]] std::span<double> row(std::size_t image) {
    return std::span(values).subspan(image * columns, columns);
  }

  /// Puts another part's rows behind these. @throws std::invalid_argument if their widths differ
  void append(const ImageStatistics& other) {
    if (columns == 0) columns = other.columns;
    if (other.columns != columns)
      throw std::invalid_argument("rows of two metrics can't be put together");
    values.insert(values.end(), other.values.begin(), other.values.end());
  }

  /// Each column's sum over all images, [columns].
  [[nodiscard]] std::vector<double> sums() const {
    std::vector<double> sums(columns);
    for (std::size_t i = 0; i < values.size(); ++i) sums[i % columns] += values[i];
    return sums;
  }
};

/// Where the right answers stand in lists sorted from the best fitting item to the worst; 0 =
/// first.
struct Ranks {
  std::vector<std::int64_t>
      of_images;  ///< [I] for each image with a caption: its best own caption among all texts
  std::vector<std::int64_t> of_texts;  ///< [T] for each text: its image among all images

  friend bool operator==(const Ranks&, const Ranks&) = default;
};

/// The outcome of a retrieval in both directions.
struct RetrievalRanks {
  Ranks by_similarity;            ///< lists sorted by the similarity of embeddings
  std::optional<Ranks> reranked;  ///< the same with the best of each list sorted anew; none if no
                                  ///< metric asked for it

  /// The ranks that count: after the re-ranking where there was one.
  [[nodiscard]] const Ranks& decisive() const { return reranked ? *reranked : by_similarity; }
};

/// What the model must serve for a retrieval.
/// @param rerank  see `RetrievalMetric`
[[nodiscard]] constexpr Needs retrieval_needs(std::int64_t rerank) {
  return rerank > 0 ? Needs::embeddings | Needs::grounded_states | Needs::match_logits
                    : Needs::embeddings;
}

/// A metric of generated captions.
template <class M>
concept CaptionMetric =
    std::move_constructible<M> &&
    requires(const M& metric, const CaptionSet& captions, std::span<const double> sums) {
      { metric.measure(captions) } -> std::same_as<ImageStatistics>;
      {
        metric.scores(sums)
      } -> std::same_as<Scores>;  // all 0 in `sums`: no image; must give finite numbers
    };

/// A metric of retrieval. `rerank()` is how many items of each list the matching head sorts anew, 0
/// = none; `RetrievalRanks::reranked` is there if it is above 0 and anything was ranked.
template <class M>
concept RetrievalMetric =
    std::move_constructible<M> && requires(const M& metric, const RetrievalRanks& ranks) {
      {
        metric.scores(ranks)
      } -> std::same_as<Scores>;  // of no ranks at all: the same names, finite numbers
      { metric.rerank() } -> std::convertible_to<std::int64_t>;
    };

template <class M>
concept Metric = CaptionMetric<M> || RetrievalMetric<M>;

/// Any metric as a value that is moved, not copied: of captions or of retrieval.
class AnyMetric {
 public:
  static constexpr std::string_view kind = "metric";

  template <class M>
    requires(!std::same_as<M, AnyMetric>) && Metric<M>
  AnyMetric(M metric) : self_(std::make_unique<Holder<M>>(std::move(metric))) {}

  /// Whether it scores captions, by `measure` and `scores(sums)`.
  [[nodiscard]] bool reads_captions() const { return self_->reads_captions(); }
  /// Whether it scores a retrieval, by `scores(ranks)`.
  [[nodiscard]] bool reads_ranks() const { return !reads_captions(); }
  /// How many items of each list are to be sorted anew; 0 for a metric of captions.
  [[nodiscard]] std::int64_t rerank() const { return self_->rerank(); }
  /// What the model must serve for what this metric reads.
  [[nodiscard]] Needs needs() const {
    return reads_captions() ? Needs::decoder_logits : retrieval_needs(rerank());
  }

  /// @throws RecipeError if it doesn't score captions
  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const {
    return self_->measure(captions);
  }
  /// @throws RecipeError if it doesn't score captions
  [[nodiscard]] Scores scores(std::span<const double> sums) const { return self_->scores(sums); }
  /// @throws RecipeError if it doesn't score a retrieval
  [[nodiscard]] Scores scores(const RetrievalRanks& ranks) const { return self_->scores(ranks); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual bool reads_captions() const = 0;
    virtual std::int64_t rerank() const { return 0; }
    virtual ImageStatistics measure(const CaptionSet&) const { throw not_of_captions(); }
    virtual Scores scores(std::span<const double>) const { throw not_of_captions(); }
    virtual Scores scores(const RetrievalRanks&) const {
      throw RecipeError(
          "metric: it scores captions (got the ranks of a retrieval). Choose a metric of "
          "retrieval.");
    }
    static RecipeError not_of_captions() {
      return RecipeError(
          "metric: it scores a retrieval (got captions). Choose a metric of captions.");
    }
  };
  template <class M>
  struct Holder;
  template <CaptionMetric M>
  struct Holder<M> final : Base {
    explicit Holder(M m) : metric(std::move(m)) {}
    using Base::scores;
    bool reads_captions() const override { return true; }
    ImageStatistics measure(const CaptionSet& captions) const override {
      return metric.measure(captions);
    }
    Scores scores(std::span<const double> sums) const override { return metric.scores(sums); }
    M metric;
  };
  template <class M>
    requires(RetrievalMetric<M> && !CaptionMetric<M>)
  struct Holder<M> final : Base {
    explicit Holder(M m) : metric(std::move(m)) {}
    using Base::scores;
    bool reads_captions() const override { return false; }
    std::int64_t rerank() const override { return metric.rerank(); }
    Scores scores(const RetrievalRanks& ranks) const override { return metric.scores(ranks); }
    M metric;
  };
  std::unique_ptr<Base> self_;
};
static_assert(Metric<AnyMetric>);

/// The scores over all images of a set.
template <CaptionMetric M>
[[nodiscard]] Scores scores_of(const M& metric, const CaptionSet& captions) {
  return metric.scores(metric.measure(captions).sums());
}

template <Metric T>
AnyMetric kind_of(ComponentTag<T>);

}  // namespace vlp
