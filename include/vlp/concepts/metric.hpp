#pragma once
// Metric: scores of generated captions against references. Contract: `measure` gives a row of numbers an image, in the
// set's order; rows add up, so that `scores` of the sum of all rows is the score over all images, `scores` of one row
// that of one image, and parts measured apart (by threads, by processes) are put together by appending their rows.
// Includes no torch.

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/component.hpp"

namespace vlp {

class CaptionSet;  // text/caption_set.hpp

/// One image's generated caption beside what people wrote.
struct ScoredCaption {
  std::string image_id;                 ///< unique within a set
  std::string candidate;                ///< the generated caption
  std::vector<std::string> references;  ///< at least one
};

/// Named numbers in the order in which they should be shown, e.g. {"CIDEr", 1.17}.
using Scores = std::vector<std::pair<std::string, double>>;

/// What a metric has counted, a row an image.
struct ImageStatistics {
  std::size_t columns = 0;     ///< numbers an image; how many and what they mean is the metric's matter
  std::vector<double> values;  ///< [images, columns]

  ImageStatistics() = default;
  /// All 0.
  ImageStatistics(std::size_t images, std::size_t columns) : columns(columns), values(images * columns) {}

  /// How many rows there are.
  [[nodiscard]] std::size_t images() const { return columns == 0 ? 0 : values.size() / columns; }
  /// The numbers of one image.
  [[nodiscard]] std::span<const double> row(std::size_t image) const { return std::span(values).subspan(image * columns, columns); }
  /// The same, to be filled.
  [[nodiscard]] std::span<double> row(std::size_t image) { return std::span(values).subspan(image * columns, columns); }

  /// Puts another part's rows behind these. @throws std::invalid_argument if their widths differ
  void append(const ImageStatistics& other) {
    if (columns == 0) columns = other.columns;
    if (other.columns != columns) throw std::invalid_argument("rows of two metrics can't be put together");
    values.insert(values.end(), other.values.begin(), other.values.end());
  }

  /// Each column's sum over all images, [columns].
  [[nodiscard]] std::vector<double> sums() const {
    std::vector<double> sums(columns);
    for (std::size_t i = 0; i < values.size(); ++i) sums[i % columns] += values[i];
    return sums;
  }
};

template <class M>
concept Metric = std::move_constructible<M> && requires(const M& metric, const CaptionSet& captions, std::span<const double> sums) {
  { metric.measure(captions) } -> std::same_as<ImageStatistics>;
  { metric.scores(sums) } -> std::same_as<Scores>;  // all 0 in `sums`: no image; must give finite numbers
};

/// Any metric as a value that is moved, not copied.
class AnyMetric {
 public:
  static constexpr std::string_view kind = "metric";

  template <class M>
    requires(!std::same_as<M, AnyMetric>) && Metric<M>
  AnyMetric(M metric) : self_(std::make_unique<Holder<M>>(std::move(metric))) {}

  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const { return self_->measure(captions); }
  [[nodiscard]] Scores scores(std::span<const double> sums) const { return self_->scores(sums); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual ImageStatistics measure(const CaptionSet& captions) const = 0;
    virtual Scores scores(std::span<const double> sums) const = 0;
  };
  template <class M>
  struct Holder final : Base {
    explicit Holder(M m) : metric(std::move(m)) {}
    ImageStatistics measure(const CaptionSet& captions) const override { return metric.measure(captions); }
    Scores scores(std::span<const double> sums) const override { return metric.scores(sums); }
    M metric;
  };
  std::unique_ptr<Base> self_;
};
static_assert(Metric<AnyMetric>);

/// The scores over all images of a set.
template <Metric M>
[[nodiscard]] Scores scores_of(const M& metric, const CaptionSet& captions) {
  return metric.scores(metric.measure(captions).sums());
}

template <Metric T>
AnyMetric kind_of(ComponentTag<T>);

}  // namespace vlp
