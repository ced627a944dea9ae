#pragma once
// Captions from image states, greedily or by beam search.

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/context.hpp"
#include "vlp/generate/beam.hpp"
#include "vlp/generate/greedy.hpp"

namespace vlp {

/// Dropout is the caller's affair: put the decoder into evaluation mode first. Gradients are off inside.
/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param prompt        ids between [DEC] and the caption, the same for all images
/// @param tokens        [DEC] and [SEP] of the vocabulary
/// @param options       lengths, beams and penalties
/// @return              for each image its candidates, best first: one with 1 beam, else `options.beams`
/// @throws RecipeError if the prompt leaves no room below max_length
template <Decoder Dec>
[[nodiscard]] std::vector<std::vector<Candidate>> generate_captions(Dec decoder, const at::Tensor& image_states,
                                                                    const std::vector<std::int64_t>& prompt, const SpecialTokens& tokens,
                                                                    const GenerateOptions& options) {
  return options.beams == 1 ? greedy_search(decoder, image_states, prompt, tokens, options)
                            : beam_search(decoder, image_states, prompt, tokens, options);
}

}  // namespace vlp
