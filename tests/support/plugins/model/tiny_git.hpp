#pragma once
// A stranger's model, after GIT (Wang et al. 2022): an image encoder, a projection of its states to
// the width of the words, and a decoder that reads them in front of the text. Which encoder and
// which decoder, the recipe says.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/generate/captions.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/use.hpp"

namespace tiny_git {

class ModelImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "tiny_git";

  struct Options {
    vlp::Use<vlp::AnyEncoder> encoder;
    vlp::Use<vlp::AnyDecoder> decoder;
    std::int64_t width = 12;

    static constexpr auto fields() {
      return std::tuple{
          vlp::field<&Options::encoder>("Turns pixels into states."),
          vlp::field<&Options::decoder>("Writes text behind the image states."),
          vlp::field<&Options::width>("Of image states and words.", vlp::at_least(1))};
    }
  };

  [[nodiscard]] static std::int64_t longest_text(const Options& options) {
    return options.decoder.chosen() ? options.decoder.traits().longest_text : 0;
  }
  [[nodiscard]] static std::int64_t longest_caption(const Options& options) {
    return longest_text(options);
  }
  [[nodiscard]] static std::string image_problem(const Options& options, std::int64_t height,
                                                 std::int64_t width) {
    return options.encoder.chosen()
               ? vlp::problem_of(options.encoder.traits().image_problem, height, width)
               : "";
  }

  ModelImpl(const Options& options, const vlp::Context& ctx)
      : tokens_(ctx.facts.tokens),
        encoder_(options.encoder.build(ctx)),
        projection_(encoder_.width(), options.width),
        decoder_(options.decoder.build(for_decoder(ctx, options.width))) {
    register_module("vision", encoder_.ptr());
    register_module("projection", projection_);
    register_module("text", decoder_.ptr());
  }

  /// [B, 3, H, W] -> [B, N, D]
  [[nodiscard]] at::Tensor image_states(const at::Tensor& pixels) {
    return projection_(encoder_.forward(pixels));
  }
  /// Position 0 is read as [DEC]; [B, T] -> [B, T, D].
  [[nodiscard]] at::Tensor decoder_states(const at::Tensor& ids, const at::Tensor& mask,
                                          const vlp::ImageMemory& images) {
    at::Tensor begun = ids.clone();
    begun.select(1, 0).fill_(tokens_.decode);
    return decoder_.states(begun, mask, images);
  }
  /// [..., D] -> [..., V]
  [[nodiscard]] at::Tensor decoder_logits(const at::Tensor& states) {
    return decoder_.logits(states);
  }
  [[nodiscard]] std::vector<std::vector<vlp::Candidate>> generate(
      const at::Tensor& image_states, const std::vector<std::int64_t>& prompt,
      const vlp::GenerateOptions& options, const std::vector<vlp::RandomStream>& random) {
    return vlp::generate_captions(decoder_, image_states, {prompt, tokens_, options, random});
  }

 private:
  static vlp::Context for_decoder(vlp::Context ctx, std::int64_t width) {
    ctx.facts.dimensions.encoder_width = width;
    return ctx;
  }

  vlp::SpecialTokens tokens_;
  vlp::AnyEncoder encoder_;
  vlp::Linear projection_;
  vlp::AnyDecoder decoder_;
};
TORCH_MODULE(Model);
static_assert(vlp::Model<Model>);

}  // namespace tiny_git

VLP_PLUGIN(tiny_git, "1.0", tiny_git::Model);
