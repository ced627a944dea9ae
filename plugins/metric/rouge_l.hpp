#pragma once
// ROUGE-L of captions (Lin 2004, section 3), as the COCO caption evaluation computes it.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "vlp/concepts/metric.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/scoring/common_subsequence.hpp"

namespace vlp {

/// Scores ROUGE_L, 0 to 1: the mean over the images of an F measure of the longest common
/// subsequence of tokens, in which recall counts more (beta 1.2). Differs from the paper, as the
/// COCO evaluation does: the best precision and the best recall may come from two references. Two
/// empty captions score 1.
class RougeL {
 public:
  static constexpr std::string_view name = "rouge_l";
  [[nodiscard]] static std::vector<ScoreName> score_names(const NoOptions&) {
    return {{"ROUGE_L"}};
  }

  /// A row: score, 1.
  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const {
    return measure_images(captions, 2, [&](std::size_t image, std::span<double> row) {
      const std::span<const std::uint32_t> candidate = captions.tokens(captions.candidate(image));
      const CommonSubsequence common(candidate);
      double precision = 0, recall = 0;
      for (std::size_t caption = captions.candidate(image) + 1;
           caption < captions.candidate(image + 1); ++caption) {
        const std::span<const std::uint32_t> reference = captions.tokens(caption);
        const auto length = static_cast<double>(common.length(reference));
        precision = std::max(precision, length / static_cast<double>(candidate.size()));
        recall = std::max(recall, length / static_cast<double>(reference.size()));
      }
      constexpr double kBeta = 1.2;
      row[0] = precision == 0 || recall == 0 ? 0
                                             : (1 + kBeta * kBeta) * precision * recall /
                                                   (recall + kBeta * kBeta * precision);
      row[1] = 1;
    });
  }

  /// 0 without images.
  [[nodiscard]] Scores scores(std::span<const double> sums) const {
    return {{"ROUGE_L", sums[1] == 0 ? 0 : sums[0] / sums[1]}};
  }
};
static_assert(Metric<RougeL>);

}  // namespace vlp

VLP_PLUGIN(rouge_l, "1.0", vlp::RougeL);
