#pragma once
// Recall at K of image-text retrieval: the share of queries that find a right answer among their
// first K (Karpathy and Fei-Fei 2015, section 4.1; with re-ranking: Li et al. 2022, section 5.1).

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// In percent, as tables of papers show it. `TR@K`: images with one of their own captions among the
/// first K of all texts. `IR@K`: texts with their image among the first K of all images. TR_mean
/// and IR_mean: the means over K = 1, 5, 10; R_mean: the mean of these two. With re-ranking, names
/// that begin with ITC_ are the same by similarity alone.
class Recall {
 public:
  static constexpr std::string_view name = "recall";

  struct Options {
    std::int64_t rerank = 0;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::rerank>("Items at the head of each list that the matching head sorts "
                                  "anew; BLIP takes 256 on COCO and 128 on Flickr30k. 0 = none.",
                                  at_least(0))};
    }
  };
  [[nodiscard]] static std::vector<ScoreName> score_names(const Options& options) {
    std::vector<ScoreName> names;
    for (const auto& [name, value] : Recall(options).scores(RetrievalRanks{}))
      names.push_back({name});
    return names;
  }
  [[nodiscard]] static std::int64_t rerank(const Options& options) { return options.rerank; }

  Recall() = default;
  explicit Recall(const Options& options) : options_(options) {}

  /// Items of each list that are sorted anew.
  [[nodiscard]] std::int64_t rerank() const { return options_.rerank; }

  /// 0 without images.
  [[nodiscard]] Scores scores(const RetrievalRanks& ranks) const {
    Scores scores;
    add(scores, "", ranks.decisive());
    if (options_.rerank > 0) add(scores, "ITC_", ranks.by_similarity);
    return scores;
  }

 private:
  static constexpr std::array<std::int64_t, 3> kCutoffs{1, 5, 10};

  /// Percentage of ranks below `cutoff`.
  static double recall(std::span<const std::int64_t> ranks, std::int64_t cutoff) {
    const auto found =
        std::ranges::count_if(ranks, [&](std::int64_t rank) { return rank < cutoff; });
    return ranks.empty() ? 0
                         : 100.0 * static_cast<double>(found) / static_cast<double>(ranks.size());
  }

  static void add(Scores& scores, const std::string& prefix, const Ranks& ranks) {
    const auto direction = [&](const std::string& letters,
                               std::span<const std::int64_t> of_queries) {
      double sum = 0;
      for (const std::int64_t cutoff : kCutoffs) {
        scores.emplace_back(prefix + letters + "@" + std::to_string(cutoff),
                            recall(of_queries, cutoff));
        sum += scores.back().second;
      }
      return sum / static_cast<double>(kCutoffs.size());
    };
    const double text_mean = direction("TR", ranks.of_images);
    const double image_mean = direction("IR", ranks.of_texts);
    scores.emplace_back(prefix + "TR_mean", text_mean);
    scores.emplace_back(prefix + "IR_mean", image_mean);
    scores.emplace_back(prefix + "R_mean", (text_mean + image_mean) / 2);
  }

  Options options_;
};
static_assert(Metric<Recall>);

}  // namespace vlp

VLP_PLUGIN(recall, "1.0", vlp::Recall);
