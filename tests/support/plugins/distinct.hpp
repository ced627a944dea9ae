#pragma once
// A metric as somebody outside writes one: how many different captions there are, as they were
// generated and as the metrics' tokenizer leaves them.

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/scoring/caption_set.hpp"

namespace outside {

/// Shares of images whose caption no image before them has. A trick, since rows add up: whoever
/// puts parts together counts a caption once a part.
struct Distinct {
  static constexpr std::string_view name = "distinct";
  [[nodiscard]] static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) {
    return {{"Distinct_raw"}, {"Distinct"}};
  }

  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet& captions) const {
    vlp::ImageStatistics rows(captions.size(), 3);
    std::set<std::string> texts, tokens;
    for (std::size_t i = 0; i < captions.size(); ++i) {
      const vlp::ScoredCaption& image = captions.image(i);
      const std::span<double> row = rows.row(i);
      row[0] = 1;
      row[1] = texts.insert(image.raw).second ? 1 : 0;
      row[2] = tokens.insert(image.candidate).second ? 1 : 0;
    }
    return rows;
  }
  [[nodiscard]] vlp::Scores scores(std::span<const double> sums) const {
    const double images = std::max(sums[0], 1.0);
    return {{"Distinct_raw", sums[1] / images}, {"Distinct", sums[2] / images}};
  }
};
static_assert(vlp::CaptionMetric<Distinct>);

}  // namespace outside

VLP_PLUGIN(distinct, "1.0", outside::Distinct);
