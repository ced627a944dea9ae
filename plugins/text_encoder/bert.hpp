#pragma once
// BLIP's text encoder (Li et al. 2022, section 3.1): a BERT whose tokens all see one another.
// Without an image it encodes a text alone; with one, by cross-attention in every layer, it is
// grounded in it.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/text_encoder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/attention.hpp"
#include "vlp/nn/bert.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Parameters are named as below `text_encoder` in Hugging Face's BLIP. Letters: B texts, T text
/// tokens, N image tokens, D width, De the image encoder's width.
class BertTextEncoderImpl : public BertImpl, public InspectableText {
 public:
  static constexpr std::string_view name = "bert";

  struct Options {
    TransformerSizes sizes;
    TextTransformerOptions text;
    bool cross_attention = true;
    double initializer_range = kInitialDeviation;

    static constexpr auto fields() {
      return std::tuple{
          group<&Options::sizes>(),
          group<&Options::text>(),
          field<&Options::cross_attention>(
              "Whether it can attend to images; without, a model has no matching head."),
          field<&Options::initializer_range>(kInitializerRangeDoc, above(0)),
      };
    }
  };

  [[nodiscard]] static bool sees_images(const Options& options) { return options.cross_attention; }

  /// Tokens of a text at most.
  [[nodiscard]] static std::int64_t longest_text(const Options& options) {
    return options.text.max_positions;
  }

  /// @throws RecipeError if the heads don't divide the width, or vocabulary or encoder width aren't
  /// known
  BertTextEncoderImpl(const Options& options, const Facts& facts)
      : BertImpl(sizes_of(options, facts), kWhere) {
    set_initial_deviation(*this, options.initializer_range);
  }

  /// D
  [[nodiscard]] std::int64_t width() const { return sizes().layer.width; }

  /// The text alone; cross-attention is passed over.
  /// @param ids   [B, T] int64, at most max_positions long
  /// @param mask  [B, T] bool, true = token; undefined = no padding
  /// @return      [B, T, D]; padding gets states too, which nothing else depends on
  /// @throws ShapeError if the text is too long
  [[nodiscard]] at::Tensor text_states(const at::Tensor& ids, const at::Tensor& mask) {
    return states(ids, mask, {});
  }

  /// The text, cross-attending to an image.
  /// @param ids     [B, T] int64, at most max_positions long
  /// @param mask    [B, T] bool, true = token; undefined = no padding
  /// @param images  [B, N, De], or [1, N, De] for one image with all texts
  /// @return        [B, T, D]
  /// @throws ShapeError if the text is too long, the images don't fit, or there is no
  /// cross-attention
  [[nodiscard]] at::Tensor grounded_states(const at::Tensor& ids, const at::Tensor& mask,
                                           const ImageMemory& images) {
    check_images(ids, images);
    return states(ids, mask, images);
  }

  /// The embeddings and what each layer makes of them: depth + 1 tensors [B, T, D]. Undefined image
  /// states: the text alone.
  [[nodiscard]] std::vector<at::Tensor> hidden_states(const at::Tensor& ids, const at::Tensor& mask,
                                                      const at::Tensor& image_states) override {
    if (image_states.defined()) check_images(ids, image_states);
    const at::Tensor x = embed(ids);
    return run_showing_layers(x, mask_for(mask, x), image_states);
  }

  /// Where each token looks. Undefined image states: the text alone.
  [[nodiscard]] TextAttention attention_probabilities(const at::Tensor& ids, const at::Tensor& mask,
                                                      const at::Tensor& image_states) override {
    if (image_states.defined()) check_images(ids, image_states);
    const at::Tensor x = embed(ids);
    return run_showing_attention(x, mask_for(mask, x), image_states);
  }

 private:
  static constexpr const char* kWhere = "text encoder 'bert'";

  static BertSizes sizes_of(const Options& options, const Facts& facts) {
    if (options.cross_attention && facts.dimensions.encoder_width <= 0)
      throw RecipeError(std::string(kWhere) +
                        ": the image encoder's width isn't known (got 0). Build that first.");
    return bert_sizes(options.sizes, options.text,
                      options.cross_attention ? facts.dimensions.encoder_width : 0, facts);
  }

  void check_images(const at::Tensor& ids, const ImageMemory& images) const {
    const std::int64_t image_width = sizes().layer.image_width;
    const std::vector<std::int64_t> image = images.sizes();
    if (image_width == 0)
      throw ContractError(
          std::string(kWhere) +
          ": it can't attend to images (got cross_attention = false). Set cross_attention = true.");
    if (image.size() != 3 || image[2] != image_width || (image[0] != 1 && image[0] != ids.size(0)))
      throw ShapeError(std::string(kWhere) + ": texts and images don't fit (got image states " +
                       c10::str(at::IntArrayRef(image)) + ", expected [" +
                       std::to_string(ids.size(0)) + " or 1, N, " + std::to_string(image_width) +
                       "]). Pass the states of each text's image, or of one image.");
  }

  at::Tensor states(const at::Tensor& ids, const at::Tensor& mask, const ImageMemory& images) {
    const at::Tensor x = embed(ids);
    return run(x, mask_for(mask, x), images);
  }

  static AttentionMask mask_for(const at::Tensor& mask, const at::Tensor& x) {
    return mask.defined() ? padding_mask(mask, x.scalar_type()) : AttentionMask{};
  }
};
TORCH_MODULE(BertTextEncoder);
static_assert(TextEncoder<BertTextEncoder>);

}  // namespace vlp

VLP_PLUGIN(bert, "1.0", vlp::BertTextEncoder);
