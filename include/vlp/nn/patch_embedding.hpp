#pragma once
// An image becomes a row of patches, each projected to the model's width (Dosovitskiy et al. 2021,
// equation 1).

#include <cstdint>
#include <string>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/nn/layers.hpp"

namespace vlp {

/// A convolution whose stride is its kernel, kept as such by its parameters: `weight` [D, 3, P, P],
/// `bias` [D].
class PatchEmbeddingImpl : public torch::nn::Module {
 public:
  /// @param patch  P, pixels
  /// @param width  D
  PatchEmbeddingImpl(std::int64_t patch, std::int64_t width)
      : weight(register_parameter("weight", initial_weights({width, 3, patch, patch}))),
        bias(register_parameter("bias", at::zeros({width}))) {}

  /// @param pixels  [B, 3, H, W], H and W multiples of P
  /// @return        [B, H / P * W / P, D], patches row by row
  /// @throws ShapeError if the image can't be cut into patches
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) {
    const std::int64_t p = weight.size(2);
    if (pixels.dim() != 4 || pixels.size(1) != 3 || pixels.size(2) % p != 0 ||
        pixels.size(3) % p != 0 || pixels.size(2) * pixels.size(3) == 0)
      throw ShapeError("patch embedding: images can't be cut into patches (got " +
                       shape_text(pixels.sizes()) +
                       ", expected [B, 3, H, W] with H and W multiples of " + std::to_string(p) +
                       "). Resize them to such a size.");
    const std::int64_t rows = pixels.size(2) / p, columns = pixels.size(3) / p;
    // One matrix product over the flattened patches: the same sums as the convolution, without its
    // own way of packing.
    const at::Tensor patches = pixels.reshape({pixels.size(0), 3, rows, p, columns, p})
                                   .permute({0, 2, 4, 1, 3, 5})
                                   .reshape({pixels.size(0), rows * columns, 3 * p * p});
    return at::linear(patches, weight.flatten(1), bias);
  }

  at::Tensor weight, bias;
};
TORCH_MODULE(PatchEmbedding);

}  // namespace vlp
