#pragma once
// Encoders whose summaries aren't the first of their states: the mean of an image's, the last of a
// text's.

#include <cstdint>
#include <string_view>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/text_encoder.hpp"

namespace vlp_test {

/// A state for each pixel, five numbers wide.
class PixelEncoderImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "pixels";
  PixelEncoderImpl() { colour = register_module("colour", torch::nn::Linear(3, 5)); }
  /// [B, 3, H, W] -> [B, H * W, 5]
  at::Tensor forward(const at::Tensor& pixels) {
    return colour(pixels.flatten(2).transpose(1, 2)).tanh();
  }
  [[nodiscard]] std::int64_t width() const { return 5; }
  torch::nn::Linear colour{nullptr};
};
TORCH_MODULE(PixelEncoder);
static_assert(vlp::Encoder<PixelEncoder>);

/// The same, whose image is the mean of its pixels.
class MeanEncoderImpl : public PixelEncoderImpl {
 public:
  static constexpr std::string_view name = "mean";
  at::Tensor summary(const at::Tensor& states) { return states.mean(1); }
};
TORCH_MODULE(MeanEncoder);
static_assert(vlp::Encoder<MeanEncoder>);

/// Running sums of word vectors, seven numbers wide; a text is the state of its last token.
class LastTokenEncoderImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "last_token";
  explicit LastTokenEncoderImpl(const vlp::Facts& facts) {
    words = register_module("words", torch::nn::Embedding(facts.dimensions.vocabulary_size, 7));
  }
  /// [B, T] -> [B, T, 7]
  at::Tensor text_states(const at::Tensor& ids, const at::Tensor&) { return words(ids).cumsum(1); }
  at::Tensor summary(const at::Tensor& states, const at::Tensor& mask) {
    const at::Tensor last = mask.sum(1) - 1;
    return states.gather(1, last.view({-1, 1, 1}).expand({-1, 1, states.size(2)})).squeeze(1);
  }
  [[nodiscard]] std::int64_t width() const { return 7; }
  torch::nn::Embedding words{nullptr};
};
TORCH_MODULE(LastTokenEncoder);
static_assert(vlp::TextEncoder<LastTokenEncoder>);

}  // namespace vlp_test
