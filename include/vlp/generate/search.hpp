#pragma once
// The loop of greedy decoding and beam search: score, choose, reorder, step. The beams of an image
// share its keys and values of cross-attention; only self-attention's follow the beams.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/error.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/finite_logits.hpp"
#include "vlp/generate/hypotheses.hpp"
#include "vlp/generate/made_up_tokens.hpp"

namespace vlp {

namespace detail {

/// The best continuations of every image's beams, best first. Waits for the device once.
/// @param log_probabilities  [B * K, V]
/// @param searches           B images, K beams each
/// @param image_of           for each search its image
/// @param logits             of which the log-probabilities are made
/// @throws NonFiniteRow if logits aren't finite of which a caption would be made
[[nodiscard]] inline std::vector<std::vector<Hypotheses::Continuation>> best_continuations(
    const at::Tensor& log_probabilities, const std::vector<Hypotheses>& searches,
    const std::vector<std::size_t>& image_of, const FiniteLogits& logits) {
  const std::int64_t beams = log_probabilities.size(0) / static_cast<std::int64_t>(searches.size());
  const std::int64_t count = std::min(2 * beams, log_probabilities.size(1));
  const auto [values, ids] =
      log_probabilities.topk(count);  // an image's best are among its beams' best
  const at::Tensor read =
      at::cat({values.to(at::kDouble), ids.to(at::kDouble), logits.sums()}, 1).cpu();
  const auto best = read.accessor<double, 2>();

  std::vector<std::vector<Hypotheses::Continuation>> result(searches.size());
  for (std::size_t b = 0; b < searches.size(); ++b) {
    for (std::int64_t k = 0; k < beams; ++k) {
      const double so_far = searches[b].running()[static_cast<std::size_t>(k)].score;
      const std::int64_t row = static_cast<std::int64_t>(b) * beams + k;
      if (!searches[b].done())
        logits.require(best[row][2 * count], row, static_cast<std::int64_t>(image_of[b]));
      for (std::int64_t i = 0; i < count; ++i) {
        const double next = best[row][i];  // of a finished image, whatever it is
        result[b].push_back(
            {so_far + (std::isnan(next) ? -std::numeric_limits<double>::infinity() : next), k,
             static_cast<std::int64_t>(best[row][count + i])});
      }
    }
    std::ranges::stable_sort(result[b], std::greater{}, &Hypotheses::Continuation::score);
    result[b].resize(std::min(result[b].size(), static_cast<std::size_t>(2 * beams)));
  }
  return result;
}

/// @param best  the continuations of an image that goes on, best first
/// @throws RecipeError if there are none but impossible ones
inline void require_choice(const std::vector<Hypotheses::Continuation>& best) {
  if (!(best.front().score > -std::numeric_limits<double>::infinity()))
    throw RecipeError(
        "generate: the rules leave no token to choose. Look at what suppress_tokens, "
        "bad_words_ids, no_repeat_ngram_size and least lengths forbid together.");
}

/// What stands for them on the device `meta`.
[[nodiscard]] inline std::vector<std::vector<Hypotheses::Continuation>> made_up_continuations(
    const std::vector<Hypotheses>& searches, const SearchLimits& limits) {
  const MadeUpTokens tokens(limits);
  std::vector<std::vector<Hypotheses::Continuation>> result;
  for (std::size_t b = 0; b < searches.size(); ++b)
    result.push_back(tokens.continuations(
        b, static_cast<std::int64_t>(searches[b].running().front().ids.size())));
  return result;
}

}  // namespace detail

/// Finished images leave the batch when half of it is finished.
/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param begin         ids given, [DEC] first, the same for all images
/// @param limits        beams, lengths and the end token
/// @param score         (logits [rows, V], the ids of each row so far) -> log-probabilities [rows,
///                      V] to search by
/// @return              for each image its finished candidates, best first, `limits.beams` of them
/// @throws NonFiniteRow if the decoder's logits aren't finite
/// @throws RecipeError if `score` leaves an image without a possible token
template <Decoder Dec, class Score>
  requires std::invocable<Score&, const at::Tensor&, const std::vector<std::vector<std::int64_t>>&>
[[nodiscard]] std::vector<std::vector<Candidate>> search(Dec decoder,
                                                         const at::Tensor& image_states,
                                                         const std::vector<std::int64_t>& begin,
                                                         const SearchLimits& limits, Score score) {
  const c10::InferenceMode inference;
  const auto images = static_cast<std::size_t>(image_states.size(0));
  std::vector<std::vector<Candidate>> results(images);
  if (images == 0) return results;
  std::vector<Hypotheses> searches(images, Hypotheses(limits, begin));
  std::vector<std::size_t> image_of(images);  // for each search
  for (std::size_t i = 0; i < images; ++i) image_of[i] = i;

  // The prompt is the same for all beams of an image: it goes through the decoder once.
  DecodingCache cache = decoder->make_cache(image_states, 1, limits.longest);
  at::Tensor logits =
      decoder->step(ids_tensor(std::vector(images, begin)).to(image_states.device()), cache);
  expand_beams(cache, limits.beams);
  logits = logits.repeat_interleave(limits.beams, 0);

  while (true) {
    std::vector<std::vector<std::int64_t>> so_far;
    for (const Hypotheses& search : searches)
      for (const auto& beam : search.running()) so_far.push_back(beam.ids);
    const at::Tensor scores = score(logits, so_far);
    const FiniteLogits given(logits, image_states,
                             static_cast<std::int64_t>(so_far.front().size()) - limits.prompt + 1);
    const auto best = scores.is_meta()
                          ? detail::made_up_continuations(searches, limits)
                          : detail::best_continuations(scores, searches, image_of, given);

    std::vector<std::int64_t> stay;  // searches that the next step includes
    std::size_t open = 0;
    for (std::size_t b = 0; b < searches.size(); ++b) {
      if (!searches[b].done()) detail::require_choice(best[b]);
      searches[b].advance(best[b]);
      if (searches[b].done())
        results[image_of[b]] = searches[b].finished();
      else
        ++open;
    }
    if (open == 0) return results;
    const bool shrink = 2 * open <= searches.size();
    for (std::size_t b = 0; b < searches.size(); ++b)
      if (!shrink || !searches[b].done()) stay.push_back(static_cast<std::int64_t>(b));

    std::vector<std::int64_t> rows;
    std::vector<std::vector<std::int64_t>> last;
    for (std::size_t i = 0; i < stay.size(); ++i) {
      const auto from = static_cast<std::size_t>(stay[i]);
      if (i != from) searches[i] = std::move(searches[from]);
      image_of[i] = image_of[from];
      for (const auto& beam : searches[i].running()) {
        rows.push_back(stay[i] * limits.beams + beam.parent);
        last.push_back({beam.ids.back()});
      }
    }
    searches.erase(searches.begin() + static_cast<std::ptrdiff_t>(stay.size()), searches.end());
    select_rows(cache, rows, stay);
    logits = decoder->step(ids_tensor(last).to(image_states.device()), cache);
  }
}

}  // namespace vlp
