#pragma once
// Metric: scores of generated captions against references, or of a retrieval of texts by images and
// images by texts. Contract of a caption metric: `measure` gives a row of numbers an image, in the
// set's order; rows add up, so that `scores` of the sum of all rows is the score over all images,
// `scores` of one row that of one image, and parts measured apart (by threads, by processes) are
// put together by appending their rows. Contract of a retrieval metric: a pure function of ranks.
// Includes no torch.

#include <cmath>
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
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/image_id.hpp"

namespace vlp {

class CaptionSet;  // scoring/caption_set.hpp

/// One image's generated caption beside what people wrote.
struct ScoredCaption {
  ImageId image_id;                     ///< unique within a set
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
[[nodiscard]] constexpr Parts retrieval_needs(std::int64_t rerank) {
  return rerank > 0 ? parts::embeddings | parts::matching : parts::embeddings;
}

/// A score that a metric will give.
struct ScoreName {
  std::string name;             ///< as `scores` gives it
  bool less_is_better = false;  ///< which of two is taken for the best
};

/// A metric of generated captions.
template <class M>
concept CaptionMetric =
    std::move_constructible<M> &&
    requires(const M& metric, const CaptionSet& captions, std::span<const double> sums) {
      { metric.measure(captions) } -> std::same_as<ImageStatistics>;
      // All 0 in `sums`: no image; must give finite numbers.
      { metric.scores(sums) } -> std::same_as<Scores>;
    };

/// A metric of retrieval. `RetrievalRanks::reranked` is there if `rerank()` is above 0 and anything
/// was ranked.
template <class M>
concept RetrievalMetric =
    std::move_constructible<M> && requires(const M& metric, const RetrievalRanks& ranks) {
      // Of no ranks at all: the same names, finite numbers.
      { metric.scores(ranks) } -> std::same_as<Scores>;
      // How many items of each list the matching head sorts anew, 0 = none.
      { metric.rerank() } -> std::convertible_to<std::int64_t>;
    };

/// What recipes can name also says beforehand what it will give: `static std::vector<ScoreName>
/// score_names(const Options&)`, the names that `scores` gives whatever was counted; and, of
/// retrieval, `static std::int64_t rerank(const Options&)` beside `rerank()`.
template <class M>
concept Metric = CaptionMetric<M> || RetrievalMetric<M>;

/// Any metric as a value that is moved, not copied: of captions or of retrieval.
class AnyMetric {
 public:
  static constexpr std::string_view kind = "metric";

  /// What a recipe can know of a metric before it is built.
  struct Traits {
    bool reads_captions = true;  ///< or ranks
    std::int64_t rerank = 0;     ///< items of each list to be sorted anew
    std::vector<ScoreName> scores;
    /// What the model must serve.
    [[nodiscard]] Parts needs() const {
      return reads_captions ? parts::captions : retrieval_needs(rerank);
    }
  };
  template <class M>
  [[nodiscard]] static Traits traits(const options_of<M>& options) {
    static_assert(
        requires {
          { M::score_names(options) } -> std::same_as<std::vector<ScoreName>>;
        },
        "a metric says beforehand which scores it gives: `static std::vector<ScoreName> "
        "score_names(const Options&)`");
    Traits traits{.reads_captions = CaptionMetric<M>};
    if constexpr (requires { M::score_names(options); }) traits.scores = M::score_names(options);
    if constexpr (!CaptionMetric<M>) {
      static_assert(
          requires {
            { M::rerank(options) } -> std::convertible_to<std::int64_t>;
          },
          "a metric of retrieval says beforehand how many items it wants sorted anew: "
          "`static std::int64_t rerank(const Options&)`");
      if constexpr (requires { M::rerank(options); }) traits.rerank = M::rerank(options);
    }
    return traits;
  }

  template <class M>
    requires(!std::same_as<M, AnyMetric>) && Metric<M>
  AnyMetric(M metric)
      : self_(std::make_unique<Holder<M>>(std::move(metric))), shown_(shown_component<M>(kind)) {}

  /// What messages call it.
  [[nodiscard]] const std::string& shown() const { return shown_; }

  /// Whether it scores captions, by `measure` and `scores(sums)`.
  [[nodiscard]] bool reads_captions() const { return self_->reads_captions(); }
  /// Whether it scores a retrieval, by `scores(ranks)`.
  [[nodiscard]] bool reads_ranks() const { return !reads_captions(); }
  /// How many items of each list are to be sorted anew; 0 for a metric of captions.
  [[nodiscard]] std::int64_t rerank() const {
    return named(shown_, [&] { return self_->rerank(); });
  }
  /// @throws RecipeError if it doesn't score captions
  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const {
    return named(shown_, [&] { return self_->measure(captions); });
  }
  /// @throws RecipeError    if it doesn't score captions
  /// @throws NonFiniteError if a score is not a number
  [[nodiscard]] Scores scores(std::span<const double> sums) const {
    return finite(named(shown_, [&] { return self_->scores(sums); }));
  }
  /// @throws RecipeError    if it doesn't score a retrieval
  /// @throws NonFiniteError if a score is not a number
  [[nodiscard]] Scores scores(const RetrievalRanks& ranks) const {
    return finite(named(shown_, [&] { return self_->scores(ranks); }));
  }

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
  [[nodiscard]] Scores finite(Scores scores) const {
    for (const auto& [name, value] : scores)
      if (!std::isfinite(value))
        throw NonFiniteError(shown_ + ": score '" + name + "' is not a number (got " +
                             std::to_string(value) +
                             ", expected a finite one). Say what it is where nothing was counted.");
    return scores;
  }

  std::unique_ptr<Base> self_;
  std::string shown_;  // in messages
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
