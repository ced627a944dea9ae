#pragma once
// Beam search by the rules of transformers' `generate`, version 5 or 4.15.

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/rules.hpp"
#include "vlp/generate/search.hpp"

namespace vlp {

/// The rules change log-probabilities, which are not normalised again.
/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param prompt        ids between [DEC] and the caption
/// @param tokens        [DEC] and [SEP] of the vocabulary
/// @param options       lengths, beams and penalties
/// @return              for each image `options.beams` candidates, best first, scored by the sum of
///                      log-probabilities over length ^ length_penalty, with the length of
///                      `options.length_rule`
/// @throws RecipeError if the prompt leaves no room, or the rules no token; as `check_rules`; if
/// the original rule is asked to stop never early, which it can't
/// @throws NonFiniteRow if the decoder's logits aren't finite
template <Decoder Dec>
[[nodiscard]] std::vector<std::vector<Candidate>> beam_search(
    Dec decoder, const at::Tensor& image_states, const std::vector<std::int64_t>& prompt,
    const SpecialTokens& tokens, const GenerateOptions& options) {
  const std::vector<std::int64_t> begin = begin_ids(prompt, tokens);
  if (options.length_rule == LengthRule::original && options.early_stopping == EarlyStopping::never)
    throw RecipeError(
        "generate: length_rule original knows no early_stopping never (got never, expected yes or "
        "no). Choose one of the two, "
        "or length_rule transformers.");
  const SearchLimits limits =
      search_limits(options, static_cast<std::int64_t>(begin.size()), tokens);
  return search(
      decoder, image_states, begin, limits,
      [&](const at::Tensor& logits, const std::vector<std::vector<std::int64_t>>& so_far) {
        return with_rules(at::log_softmax(precise(logits), -1), so_far, options, limits);
      });
}

}  // namespace vlp
