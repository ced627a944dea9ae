#pragma once
// Lists sorted by cosine similarity, in blocks of queries, so that the matrix of all similarities
// is never whole: where each query's right answer stands, and the best of each list. Letters: Q
// queries, M items, E width, K best.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/evaluate/in_turn.hpp"

namespace vlp {

/// The first K of each query's list, best first. On the CPU.
struct BestItems {
  at::Tensor index;       ///< [Q, K] int64
  at::Tensor similarity;  ///< [Q, K] float32
};

/// Queries with their lists' outcome.
struct RankedQueries {
  std::vector<std::int64_t>
      ranks;       ///< [Q] of the best right answer, from 0; M without a right answer
  BestItems best;  ///< K = min(what was asked for, M); undefined for K = 0
};

/// One side of a retrieval.
struct RetrievalSide {
  at::Tensor embeddings;  ///< [Q or M, E] float32
  at::Tensor
      images;  ///< [Q or M] int64, the image that each belongs to: equal numbers are right answers
};

namespace detail {

/// Similarities of a block of queries with all items, [q, M] float32. Added up in float64 and then
/// rounded, so that they depend neither on the block nor, but for one case in millions, on the
/// machine, and equal items get equal ones. What is not a number is worse than everything else.
inline at::Tensor block_similarities(const at::Tensor& queries,
                                     const at::Tensor& items_transposed) {
  const at::Tensor products = queries.to(at::kDouble).matmul(items_transposed).to(at::kFloat);
  return products.masked_fill_(products.isnan(), -std::numeric_limits<float>::infinity());
}

/// Ranks of the best right answer: items with a higher similarity, or with an equal one and a lower
/// index, are ahead of it.
/// @param similarities  [q, M]
/// @param right         [q, M] bool
/// @param positions     [M] int64, 0 to M - 1
inline at::Tensor ranks_of_right(const at::Tensor& similarities, const at::Tensor& right,
                                 const at::Tensor& positions) {
  const at::Tensor lowest =
      at::full({}, -std::numeric_limits<float>::infinity(), similarities.options());
  const at::Tensor best = at::where(right, similarities, lowest).amax(1, /*keepdim=*/true);
  const at::Tensor none = at::full({}, positions.numel(), positions.options());
  const at::Tensor place =
      at::where(right & (similarities == best), positions, none).amin(1, /*keepdim=*/true);
  return ((similarities > best) | ((similarities == best) & (positions < place))).sum(1);
}

}  // namespace detail

/// Sorts all items for each query.
/// @param queries  on any device
/// @param items    on the same device
/// @param best     K, how many of each list to keep
/// @param peers    take blocks of queries in turn; all bring the same and get the same
/// @throws ShapeError if the two sides don't fit together
[[nodiscard]] inline RankedQueries rank_by_similarity(const RetrievalSide& queries,
                                                      const RetrievalSide& items, std::int64_t best,
                                                      const Peers& peers = {}) {
  const auto fits = [](const RetrievalSide& side) {
    return side.embeddings.dim() == 2 && side.images.dim() == 1 &&
           side.images.size(0) == side.embeddings.size(0);
  };
  if (!fits(queries) || !fits(items) || queries.embeddings.size(1) != items.embeddings.size(1))
    throw ShapeError(
        "retrieval: embeddings and their images don't fit (got " +
        std::to_string(queries.embeddings.size(0)) + " queries of width " +
        std::to_string(queries.embeddings.size(-1)) + " and " +
        std::to_string(items.embeddings.size(0)) + " items of width " +
        std::to_string(items.embeddings.size(-1)) +
        ", expected [Q, E] and [M, E] with one image each). Embed both sides with one model.");
  constexpr std::int64_t kBlockElements =
      std::int64_t{1} << 23;  // some dozen bytes each while a block is worked on
  const std::int64_t count = queries.embeddings.size(0), others = items.embeddings.size(0),
                     kept = std::min(best, others);
  const std::int64_t rows =
      std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(others, 1));
  const at::Tensor transposed = items.embeddings.to(at::kDouble).t();
  const at::Tensor positions = at::arange(others, items.images.options());
  const auto blocks = [&] {
    std::vector<at::Tensor> ranks, index, similarity;
    for (std::int64_t block = 0, first = 0; others > 0 && first < count; ++block, first += rows) {
      if (!peers.takes(block)) continue;
      const std::int64_t n = std::min(rows, count - first);
      const at::Tensor similarities =
          detail::block_similarities(queries.embeddings.narrow(0, first, n), transposed);
      const at::Tensor right =
          queries.images.narrow(0, first, n).unsqueeze(1) == items.images.unsqueeze(0);
      ranks.push_back(detail::ranks_of_right(similarities, right, positions));
      if (kept == 0) continue;
      const auto [values, order] =
          similarities.sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
      index.push_back(order.narrow(1, 0, kept).clone());
      similarity.push_back(values.narrow(1, 0, kept).clone());
    }
    return Columns{std::move(ranks), std::move(index), std::move(similarity)};
  };
  const std::vector<at::Tensor> found = in_turn(peers, 3, queries.embeddings.device(), blocks);
  RankedQueries ranked;
  ranked.ranks.assign(static_cast<std::size_t>(count), others);
  if (found[0].defined()) {
    const at::Tensor all = found[0].cpu();
    const auto* first = static_cast<const std::int64_t*>(all.const_data_ptr());
    ranked.ranks.assign(first, first + count);
  }
  if (found[1].defined()) ranked.best = {found[1].cpu(), found[2].cpu()};
  return ranked;
}

}  // namespace vlp
