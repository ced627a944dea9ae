#pragma once
// Beam search by the rules of transformers' `generate` (version 5).

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/context.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/search.hpp"

namespace vlp {

/// The rules change log-probabilities, which are not normalised again.
/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param prompt        ids between [DEC] and the caption
/// @param tokens        [DEC] and [SEP] of the vocabulary
/// @param options       lengths, beams and penalties
/// @return              for each image `options.beams` candidates, best first, scored by the sum of log-probabilities over
///                      generated tokens ([SEP] included, prompt not) ^ length_penalty
/// @throws RecipeError if the prompt leaves no room
template <Decoder Dec>
[[nodiscard]] std::vector<std::vector<Candidate>> beam_search(Dec decoder, const at::Tensor& image_states,
                                                              const std::vector<std::int64_t>& prompt, const SpecialTokens& tokens,
                                                              const GenerateOptions& options) {
  const std::vector<std::int64_t> begin = begin_ids(prompt, tokens);
  const SearchLimits limits = search_limits(options, static_cast<std::int64_t>(begin.size()), tokens);
  return search(decoder, image_states, begin, limits, [&](const at::Tensor& logits, const std::vector<std::vector<std::int64_t>>& so_far) {
    return with_rules(at::log_softmax(search_precision(logits), -1), so_far, options, tokens.sep);
  });
}

}  // namespace vlp
