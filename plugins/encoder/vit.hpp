#pragma once
// Vision transformer (Dosovitskiy et al. 2021) as BLIP uses it (Li et al. 2022, section 3.1): class
// token first, learned positions, pre-norm layers, a last layer norm over all tokens.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/patch_embedding.hpp"
#include "vlp/nn/position_table.hpp"
#include "vlp/nn/transformer_options.hpp"
#include "vlp/nn/vision_layer.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// How a learned table of positions begins.
enum class PositionInit {
  normal,  ///< at random, as in BLIP
  sincos,  ///< with sines and cosines of row and column, so that neighbours are alike from the
           ///< start
};

/// Sines and cosines of row and column at wavelengths from 2 pi to 20,000 pi patches (Beyer et al.
/// 2022, section 2, after Vaswani et al. 2017, section 3.5).
/// @param width  a multiple of 4
/// @return       [rows * columns, width], values from -1 to 1
[[nodiscard]] inline at::Tensor sincos_positions(std::int64_t rows, std::int64_t columns,
                                                 std::int64_t width) {
  const std::int64_t quarter = width / 4;
  const at::Tensor frequency =
      at::pow(10000.0, at::arange(quarter, at::kFloat) /
                           static_cast<double>(std::max<std::int64_t>(quarter - 1, 1)))
          .reciprocal();
  const at::Tensor y = at::arange(rows, at::kFloat).repeat_interleave(columns).outer(frequency);
  const at::Tensor x = at::arange(columns, at::kFloat).repeat({rows}).outer(frequency);
  return at::cat({x.sin(), x.cos(), y.sin(), y.cos()}, 1);
}

/// Parameters are named as in Hugging Face's BLIP, below `vision_model`. Letters: D width, P patch,
/// N = 1 + H / P * W / P.
class VisionTransformerImpl : public torch::nn::Module, public InspectableEncoder {
 public:
  static constexpr std::string_view name = "vit";

  struct Options {
    PatchOptions patches;
    TransformerSizes sizes;
    double layer_norm_eps = 1e-5;
    double drop_path = 0.0;
    double initializer_range = kInitialDeviation;
    PositionInit position_init = PositionInit::normal;

    static constexpr auto fields() {
      return std::tuple{
          group<&Options::patches>(),
          group<&Options::sizes>(),
          field<&Options::layer_norm_eps>("Added to the variance in layer norms; 1e-5 in Hugging "
                                          "Face's BLIP, 1e-6 in the original.",
                                          above(0)),
          field<&Options::drop_path>("Share of samples that skip a branch of the last layer while "
                                     "training, growing linearly with depth.",
                                     between(0, 0.99)),
          field<&Options::initializer_range>(kInitializerRangeDoc, above(0)),
          field<&Options::position_init>("How the learned positions begin; with sincos a small "
                                         "model finds neighbourhoods much sooner."),
      };
    }

    [[nodiscard]] std::string problem() const {
      if (position_init == PositionInit::sincos && sizes.width % 4 != 0)
        return "position_init \"sincos\" needs a width that 4 divides (got " +
               std::to_string(sizes.width) + ")";
      return {};
    }
  };

  /// @return  what is wrong with images of this size, pixels; else empty
  [[nodiscard]] static std::string image_problem(const Options& options, std::int64_t height,
                                                 std::int64_t width) {
    if (height % options.patches.patch == 0 && width % options.patches.patch == 0) return {};
    return "patches of " + std::to_string(options.patches.patch) + " don't divide images of " +
           std::to_string(height) + " x " + std::to_string(width) +
           " pixels; change patch, or the size that the transforms make";
  }

  /// @throws RecipeError if the patch doesn't divide the image, the heads don't divide the width,
  /// or no size is known
  VisionTransformerImpl(const Options& options, const Facts& facts) : options_(options) {
    const Dimensions& given = facts.dimensions;
    const std::int64_t side = options.patches.image_size;
    rows_ = tokens_along(side > 0 ? side : given.image_height, "height");
    columns_ = tokens_along(side > 0 ? side : given.image_width, "width");
    if (const std::string problem = options.sizes.problem(); !problem.empty())
      throw RecipeError("encoder 'vit': " + problem + ". Choose heads that divide it.");
    const std::int64_t width = options.sizes.width;
    const VisionLayerSizes sizes{.width = width,
                                 .heads = options.sizes.heads,
                                 .hidden = options.sizes.hidden(),
                                 .eps = options.layer_norm_eps};

    const auto embeddings = register_module("embeddings", Group());
    class_embedding =
        embeddings->register_parameter("class_embedding", initial_weights({1, 1, width}));
    position_embedding = embeddings->register_parameter(
        "position_embedding", initial_weights({1, 1 + rows_ * columns_, width}));
    patch_embedding = embeddings->register_module("patch_embedding",
                                                  PatchEmbedding(options.patches.patch, width));
    const auto list = register_module("encoder", Group())->register_module("layers", Group());
    for (std::int64_t i = 0; i < options.sizes.depth; ++i) {
      const double drop_path = options.sizes.depth == 1
                                   ? options.drop_path
                                   : options.drop_path * static_cast<double>(i) /
                                         static_cast<double>(options.sizes.depth - 1);
      layers.push_back(list->register_module(std::to_string(i), VisionLayer(sizes, drop_path)));
    }
    post_layernorm = register_module("post_layernorm", LayerNorm(width, options.layer_norm_eps));
    set_initial_deviation(*this, options.initializer_range);
    if (options.position_init == PositionInit::sincos)
      position_embedding.detach()[0]
          .narrow(0, 1, rows_ * columns_)
          .copy_(sincos_positions(rows_, columns_, width));
  }

  /// D
  [[nodiscard]] std::int64_t width() const { return options_.sizes.width; }

  /// @param pixels  [B, 3, H, W]; another size than the table's takes interpolated positions
  /// @return        [B, N, D], class token first
  /// @throws ShapeError if H or W is no multiple of the patch
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) {
    at::Tensor x = embed(pixels);
    for (VisionLayer& layer : layers) x = layer(x);
    return post_layernorm(x);
  }

  /// The embeddings and what each layer makes of them, before the last norm: depth + 1 tensors [B,
  /// N, D].
  [[nodiscard]] std::vector<at::Tensor> hidden_states(const at::Tensor& pixels) override {
    std::vector<at::Tensor> hidden{embed(pixels)};
    for (VisionLayer& layer : layers) hidden.push_back(layer(hidden.back()));
    return hidden;
  }

  /// The class token's state.
  /// @param states  [B, N, D]
  /// @return        [B, D]
  [[nodiscard]] at::Tensor summary(const at::Tensor& states) { return states.select(1, 0); }

  /// The class token under the last norm once more, as Hugging Face's pooler_output.
  [[nodiscard]] at::Tensor pooled(const at::Tensor& states) override {
    return post_layernorm(states.select(1, 0));
  }

  at::Tensor class_embedding, position_embedding;  ///< [1, 1, D], [1, N, D]
  PatchEmbedding patch_embedding{nullptr};
  std::vector<VisionLayer> layers;
  LayerNorm post_layernorm{nullptr};

 private:
  std::int64_t tokens_along(std::int64_t pixels, const char* side) const {
    if (pixels <= 0)
      throw RecipeError(std::string("encoder 'vit': the image's ") + side +
                        " isn't known (got 0, expected pixels). Set image_size or a transform that "
                        "fixes the size.");
    if (pixels % options_.patches.patch != 0)
      throw RecipeError(std::string("encoder 'vit': patch doesn't divide the image's ") + side +
                        " (got " + std::to_string(pixels) + ", expected a multiple of " +
                        std::to_string(options_.patches.patch) +
                        "). Change the image's size or patch.");
    return pixels / options_.patches.patch;
  }

  at::Tensor embed(const at::Tensor& pixels) {
    const at::Tensor patches = patch_embedding(pixels);
    at::Tensor tokens = at::cat({class_embedding.expand({patches.size(0), 1, -1}), patches}, 1);
    return add_residual(std::move(tokens), positions(pixels.size(2) / options_.patches.patch,
                                                     pixels.size(3) / options_.patches.patch));
  }

  /// The position table, resized by torch's bicubic kernel (a = -0.75) when the grid of patches is
  /// another than its own.
  at::Tensor positions(std::int64_t rows, std::int64_t columns) const {
    if (rows == rows_ && columns == columns_) return position_embedding;
    return resized_positions(position_embedding, {rows_, columns_}, {rows, columns});
  }

  Options options_;
  std::int64_t rows_ = 0,
               columns_ = 0;  ///< patches along the height and width of the position table
};
TORCH_MODULE(VisionTransformer);
static_assert(Encoder<VisionTransformer>);

}  // namespace vlp

VLP_PLUGIN(vit, "1.0", vlp::VisionTransformer);
