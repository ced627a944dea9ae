#pragma once
// Greedy decoding: the most probable token at each step.

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/rules.hpp"
#include "vlp/generate/search.hpp"

namespace vlp {

/// One caption an image. The rules change logits, before they are normalised; options that concern
/// beams are ignored.
/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param prompt        ids between [DEC] and the caption
/// @param tokens        [DEC] and [SEP] of the vocabulary
/// @param options       lengths, beams and penalties
/// @return              for each image one candidate with the mean log-probability of its generated
///                      tokens
/// @throws RecipeError if the prompt leaves no room, or the rules no token; as `check_rules`
/// @throws NonFiniteRow if the decoder's logits aren't finite
template <Decoder Dec>
[[nodiscard]] std::vector<std::vector<Candidate>> greedy_search(
    Dec decoder, const at::Tensor& image_states, const std::vector<std::int64_t>& prompt,
    const SpecialTokens& tokens, const GenerateOptions& options) {
  const std::vector<std::int64_t> begin = begin_ids(prompt, tokens);
  SearchLimits limits = search_limits(options, static_cast<std::int64_t>(begin.size()), tokens);
  limits.beams = 1;  // one beam that stops at its first end, scored by the mean
  limits.length_penalty = 1;
  limits.early_stopping = EarlyStopping::yes;
  limits.length_rule = LengthRule::transformers;
  return search(
      decoder, image_states, begin, limits,
      [&](const at::Tensor& logits, const std::vector<std::vector<std::int64_t>>& so_far) {
        return at::log_softmax(with_rules(precise(logits), so_far, options, limits), -1);
      });
}

}  // namespace vlp
