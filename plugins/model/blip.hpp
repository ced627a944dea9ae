#pragma once
// BLIP for captioning (Li et al. 2022): an image encoder and a text decoder that attends to its states.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/core/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/generate/captions.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/use.hpp"

namespace vlp {

/// Parameters are named as in Hugging Face's BlipForConditionalGeneration if the encoder is `vit` and the decoder
/// `bert_cross_attention`.
class BlipImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "blip";

  struct Options {
    Use<AnyEncoder> encoder;
    Use<AnyDecoder> decoder;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::encoder>("Turns pixels into image states."),
          field<&Options::decoder>("Writes text, attending to the image states."),
      };
    }
  };

  BlipImpl(const Options& options, const Context& ctx)
      : tokens_(ctx.tokens), encoder_(options.encoder.build(ctx)), decoder_(options.decoder.build(behind(encoder_, ctx))) {
    register_module("vision_model", encoder_.ptr());
    register_module("text_decoder", decoder_.ptr());
  }

  /// What this model offers to losses.
  [[nodiscard]] static constexpr Needs serves() { return Needs::image_states | Needs::decoder_logits; }

  /// @param pixels  [B, 3, H, W]
  /// @return        [B, N, De]
  [[nodiscard]] at::Tensor image_states(const at::Tensor& pixels) { return encoder_.forward(pixels); }

  /// Teacher forcing; position 0 is read as [DEC] whatever stands there.
  /// @param ids           [B, T] int64
  /// @param mask          [B, T] bool, true = token
  /// @param image_states  [B, N, De]
  /// @return              [B, T, D]
  /// @throws ShapeError if ids, mask and image states don't fit together
  [[nodiscard]] at::Tensor decoder_states(const at::Tensor& ids, const at::Tensor& mask, const at::Tensor& image_states) {
    if (ids.dim() != 2 || mask.sizes() != ids.sizes() || image_states.dim() != 3 || image_states.size(0) != ids.size(0))
      throw ShapeError("model 'blip': texts and images don't fit (got ids " + std::to_string(ids.dim()) + "-d, " +
                       std::to_string(ids.size(0)) + " rows, mask " + std::to_string(mask.size(0)) + " rows, image states " +
                       std::to_string(image_states.size(0)) +
                       " rows, expected ids and mask [B, T] and image states [B, N, D]). Pass one batch's tensors.");
    at::Tensor begun = ids.clone();
    begun.select(1, 0).fill_(tokens_.decode);
    return decoder_.states(begun, mask, image_states);
  }

  /// @param states  [..., D]
  /// @return        [..., V]
  [[nodiscard]] at::Tensor decoder_logits(const at::Tensor& states) { return decoder_.logits(states); }

  /// Captions; put the model into evaluation mode first.
  /// @param image_states  [B, N, De]
  /// @param prompt        ids between [DEC] and the caption, the same for all images
  /// @param options       lengths, beams, penalties, sampling
  /// @param random        B streams, one an image; needed for sampling only
  /// @return              for each image its candidates, best first
  [[nodiscard]] std::vector<std::vector<Candidate>> generate(const at::Tensor& image_states, const std::vector<std::int64_t>& prompt,
                                                             const GenerateOptions& options, const std::vector<RandomStream>& random = {}) {
    const c10::InferenceMode inference;
    return generate_captions(decoder_, image_states, prompt, tokens_, options, random);
  }

 private:
  /// What the decoder is told: the context, and how wide the encoder's states are.
  static Context behind(const AnyEncoder& encoder, Context ctx) {
    ctx.dimensions.encoder_width = encoder.width();
    return ctx;
  }

  SpecialTokens tokens_;
  AnyEncoder encoder_;
  AnyDecoder decoder_;
};
TORCH_MODULE(Blip);
static_assert(Model<Blip>);

}  // namespace vlp

VLP_PLUGIN(blip, "1.0", vlp::Blip);
