#pragma once
// Captions from image states, greedily, by beam search, or sampled.

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/generate/beam.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/greedy.hpp"
#include "vlp/generate/sample.hpp"

namespace vlp {

/// Dropout is the caller's affair: put the decoder into evaluation mode first. Gradients are off
/// inside. On the device `meta`, where there are no values to choose by, tokens are made up
/// (made_up_tokens.hpp).
/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param request       how; random streams if `options.sample`
/// @return              for each image its candidates, best first: `options.beams`; if sampled,
///                      `options.num_captions` in the order of drawing
/// @throws RecipeError if the prompt leaves no room below max_length, or if beams are to be sampled
/// @throws NonFiniteRow if the decoder's logits, or the image states behind them, aren't finite
template <Decoder Dec>
[[nodiscard]] std::vector<std::vector<Candidate>> generate_captions(Dec decoder,
                                                                    const at::Tensor& image_states,
                                                                    const CaptionRequest& request) {
  const auto& [prompt, tokens, options, random] = request;
  if (options.sample) return sample_captions(decoder, image_states, request);
  return options.beams == 1 ? greedy_search(decoder, image_states, prompt, tokens, options)
                            : beam_search(decoder, image_states, prompt, tokens, options);
}

}  // namespace vlp
