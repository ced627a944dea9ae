#pragma once
// Re-ranking of a retrieval (Li et al. 2022, section 5.1): the best of each list, as embeddings
// sort it, are sorted anew by the matching head's logit plus the cosine similarity; everything else
// stays behind them in its order.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/metric.hpp"
#include "vlp/evaluate/similarity_ranks.hpp"

namespace vlp {

/// The pairs that re-ranking looks at: of each image with its best texts and of each text with its
/// best images, a pair that both directions want only once. Texts of equal wording count as one.
class RerankPairs {
 public:
  /// @param texts_of_images  [I, K] the best texts of each image
  /// @param images_of_texts  [T, K'] the best images of each text
  /// @param wording_of_text  [T] numbers of the texts' different wordings
  RerankPairs(const BestItems& texts_of_images, const BestItems& images_of_texts,
              std::span<const std::int64_t> wording_of_text) {
    wordings_ = wording_of_text.empty() ? 1 : *std::ranges::max_element(wording_of_text) + 1;
    const auto texts = texts_of_images.index.accessor<std::int64_t, 2>(),
               images = images_of_texts.index.accessor<std::int64_t, 2>();
    keys_.reserve(
        static_cast<std::size_t>(texts_of_images.index.numel() + images_of_texts.index.numel()));
    for (std::int64_t image = 0; image < texts.size(0); ++image)
      for (std::int64_t k = 0; k < texts.size(1); ++k)
        keys_.push_back(key(image, wording_of_text[static_cast<std::size_t>(texts[image][k])]));
    for (std::int64_t text = 0; text < images.size(0); ++text)
      for (std::int64_t k = 0; k < images.size(1); ++k)
        keys_.push_back(key(images[text][k], wording_of_text[static_cast<std::size_t>(text)]));
    std::ranges::sort(keys_);
    keys_.erase(std::ranges::unique(keys_).begin(), keys_.end());
  }

  /// How many pairs there are.
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  /// Wordings to be matched with an image: pairs `first(image)` to `first(image + 1)`, in ascending
  /// order.
  [[nodiscard]] std::size_t first(std::int64_t image) const { return place(key(image, 0)); }
  /// The wording of a pair.
  [[nodiscard]] std::int64_t wording(std::size_t pair) const { return keys_[pair] % wordings_; }
  /// The pair of an image and a wording that were both given.
  [[nodiscard]] std::size_t pair(std::int64_t image, std::int64_t wording) const {
    return place(key(image, wording));
  }

 private:
  [[nodiscard]] std::int64_t key(std::int64_t image, std::int64_t wording) const {
    return image * wordings_ + wording;
  }
  [[nodiscard]] std::size_t place(std::int64_t key) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(keys_, key) - keys_.begin());
  }

  std::int64_t wordings_ = 1;
  std::vector<std::int64_t> keys_;  // sorted: image, then wording
};

/// Ranks after the first `count` of each list have been sorted anew.
/// @param ranked  the lists by similarity
/// @param count   at most as many as `ranked` kept
/// @param right   `right(query, item)`: whether an item is a right answer
/// @param logit   `logit(query, item)`: the matching head's logit of a match
/// @return        [Q]; a right answer that is not among the first `count` keeps its rank
template <class Right, class Logit>
[[nodiscard]] std::vector<std::int64_t> reranked(const RankedQueries& ranked, std::int64_t count,
                                                 const Right& right, const Logit& logit) {
  std::vector<std::int64_t> ranks = ranked.ranks;
  if (!ranked.best.index.defined()) return ranks;
  const auto index = ranked.best.index.accessor<std::int64_t, 2>();
  const auto similarity = ranked.best.similarity.accessor<float, 2>();
  const std::int64_t head = std::min(count, index.size(1));
  struct Scored {
    double score;
    std::int64_t item;
    bool operator<(const Scored& other) const {
      return score > other.score || (score == other.score && item < other.item);
    }
  };
  std::vector<Scored> items(static_cast<std::size_t>(head));
  for (std::int64_t query = 0; query < index.size(0); ++query) {
    if (ranks[static_cast<std::size_t>(query)] >= head) continue;
    for (std::int64_t k = 0; k < head; ++k) {
      const double score = static_cast<double>(logit(query, index[query][k])) +
                           static_cast<double>(similarity[query][k]);
      items[static_cast<std::size_t>(k)] = {
          std::isnan(score) ? -std::numeric_limits<double>::infinity() : score, index[query][k]};
    }
    std::ranges::sort(items, std::less{});
    const auto found = std::ranges::find_if(
        items, [&](const Scored& scored) { return right(query, scored.item); });
    ranks[static_cast<std::size_t>(query)] = found - items.begin();
  }
  return ranks;
}

}  // namespace vlp
