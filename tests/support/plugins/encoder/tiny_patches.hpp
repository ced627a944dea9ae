#pragma once
// A stranger's encoder: an image's states are its patches with learned positions, and no layers.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/encoder.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/patch_embedding.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace tiny_git {

class PatchesImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "tiny_patches";

  struct Options {
    std::int64_t image_size = 16;
    std::int64_t patch = 8;
    std::int64_t width = 12;

    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::image_size>("Pixels of a side.", vlp::at_least(1)),
                        vlp::field<&Options::patch>("Pixels of a side.", vlp::at_least(1)),
                        vlp::field<&Options::width>("Of the states.", vlp::at_least(1))};
    }
  };

  [[nodiscard]] static std::string image_problem(const Options& options, std::int64_t height,
                                                 std::int64_t width) {
    return height == options.image_size && width == options.image_size
               ? ""
               : "encoder 'tiny_patches' takes squares of " + std::to_string(options.image_size) +
                     " pixels";
  }

  explicit PatchesImpl(const Options& options) : width_(options.width) {
    patches = register_module("patches", vlp::PatchEmbedding(options.patch, options.width));
    const std::int64_t side = options.image_size / options.patch;
    positions = register_parameter("positions", vlp::initial_weights({side * side, width_}));
  }

  /// [B, 3, H, W] -> [B, N, D]
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) { return patches(pixels) + positions; }
  [[nodiscard]] std::int64_t width() const { return width_; }

  vlp::PatchEmbedding patches{nullptr};
  at::Tensor positions;  ///< [N, D]

 private:
  std::int64_t width_;
};
TORCH_MODULE(Patches);
static_assert(vlp::Encoder<Patches>);

}  // namespace tiny_git

VLP_PLUGIN(tiny_patches, "1.0", tiny_git::Patches);
