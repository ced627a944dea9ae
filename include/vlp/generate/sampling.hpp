#pragma once
// What sampling draws from, and the draw: a token by its probability, after temperature, top-k (Fan
// et al. 2018, section 5.1) and top-p, that is nucleus sampling (Holtzman et al. 2020,
// section 3.1), in the order of transformers.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/error.hpp"
#include "vlp/generate/hypotheses.hpp"
#include "vlp/generate/rules.hpp"

namespace vlp {

/// Takes away all tokens but the k most probable; tokens as probable as the k-th stay.
/// @param scores  [rows, V] logits
/// @param top_k   0 = all stay
/// @return        [rows, V], -inf where taken away
[[nodiscard]] inline at::Tensor keep_top_k(const at::Tensor& scores, std::int64_t top_k) {
  if (top_k == 0 || top_k >= scores.size(1)) return scores;
  const at::Tensor kth = std::get<0>(scores.topk(top_k)).select(1, top_k - 1).unsqueeze(1);
  return scores.masked_fill(scores < kth, -std::numeric_limits<double>::infinity());
}

/// Takes away all tokens but the fewest that together have probability `top_p`; the one that
/// reaches it stays.
/// @param scores  [rows, V] logits
/// @param top_p   from 0, where the most probable token stays, to 1, where all do
/// @return        [rows, V], -inf where taken away
[[nodiscard]] inline at::Tensor keep_top_p(const at::Tensor& scores, double top_p) {
  if (top_p >= 1) return scores;
  const double nothing = -std::numeric_limits<double>::infinity();
  const auto count = std::max<std::int64_t>((scores > nothing).sum(1).max().item<std::int64_t>(),
                                            1);  // only these need sorting
  const auto [values, ids] = scores.topk(count);
  const at::Tensor mass =
      at::softmax(values, 1).flip(1).cumsum(1).flip(1);  // of a token and all less probable ones
  const at::Tensor removed = mass <= 1 - top_p;
  removed.select(1, 0).fill_(false);
  return at::full_like(scores, nothing).scatter(1, ids, values.masked_fill(removed, nothing));
}

/// What sampling does to logits, in this order: the rules (rules.hpp), temperature, top_k, top_p.
/// @param logits   [rows, V]
/// @param so_far   the ids of each row, all of one length
/// @param options  of the generation
/// @param limits   of the search
/// @return         [rows, V] logits whose softmax is what is drawn from; -inf where nothing can be
///                 drawn
[[nodiscard]] inline at::Tensor sampling_logits(
    const at::Tensor& logits, const std::vector<std::vector<std::int64_t>>& so_far,
    const GenerateOptions& options, const SearchLimits& limits) {
  at::Tensor scores = with_rules(precise(logits), so_far, options, limits);
  if (options.temperature != 1) scores = scores / options.temperature;
  return keep_top_p(keep_top_k(scores, options.top_k), options.top_p);
}

/// A token that was drawn.
struct Draw {
  std::int64_t token = 0;
  double log_probability = 0;  ///< of that token
  double beside = 0;           ///< what was read back along with it
};

/// @throws NonFiniteError if there was nothing to draw from
inline void require_drawn(const Draw& draw) {
  if (draw.log_probability > -std::numeric_limits<double>::infinity()) return;
  throw NonFiniteError(
      "generate: no token can be drawn, because the decoder's logits are not numbers or the rules "
      "of [generate] forbid every token. Check the model's weights, and the rules.");
}

/// Draws a token for each row: the first whose cumulative probability, in the order of ids, exceeds
/// the row's number. Waits for the device once.
/// @param logits   [rows, V]; -inf is never drawn
/// @param uniform  a number in [0, 1) for each row
/// @param beside   [rows, 1] float64 on the logits' device, to be read back along with the draws;
///                 undefined = nothing. Whether a row has probabilities is then for who reads it to
///                 see
/// @throws NonFiniteError if a row has no probabilities, because its logits are not numbers or all
/// -inf
[[nodiscard]] inline std::vector<Draw> draw_tokens(const at::Tensor& logits,
                                                   const std::vector<double>& uniform,
                                                   const at::Tensor& beside = {}) {
  const at::Tensor log_probabilities = at::log_softmax(logits.to(at::kDouble), 1);
  const at::Tensor cumulative = log_probabilities.exp().cumsum(1);
  const at::Tensor total = cumulative.slice(1, -1);
  const at::Tensor below_total = at::nextafter(
      total, at::zeros_like(total));  // a product rounded up would draw what can't be drawn
  const at::Tensor numbers = at::minimum(
      at::tensor(uniform, at::kDouble).to(logits.device()).unsqueeze(1) * total, below_total);
  const at::Tensor chosen =
      at::searchsorted(cumulative, numbers, /*out_int32=*/false, /*right=*/true)
          .clamp_max(logits.size(1) - 1);
  const at::Tensor read = at::cat({chosen.to(at::kDouble), log_probabilities.gather(1, chosen),
                                   beside.defined() ? beside : at::zeros_like(total)},
                                  1)
                              .cpu();
  const auto rows = read.accessor<double, 2>();
  std::vector<Draw> draws;
  for (std::int64_t row = 0; row < read.size(0); ++row) {
    draws.push_back({static_cast<std::int64_t>(rows[row][0]), rows[row][1], rows[row][2]});
    if (!beside.defined()) require_drawn(draws.back());
  }
  return draws;
}

}  // namespace vlp
