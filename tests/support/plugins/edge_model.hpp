#pragma once
// A model from outside with a part that the core has never heard of.

#include <string_view>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "tests/support/edge_scores.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

/// Three learned numbers, by which the colours of each pixel are weighed.
class EdgeModelImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "edge_model";
  using ExtraParts = vlp::PartList<EdgeScores>;

  EdgeModelImpl() { weights = register_parameter("weights", at::ones({3})); }

  /// [B, 3, H, W] -> [B, H * W, 3]
  [[nodiscard]] at::Tensor image_states(const at::Tensor& pixels) {
    return pixels.flatten(2).transpose(1, 2);
  }
  [[nodiscard]] at::Tensor edge_scores(const at::Tensor& image_states) {
    return image_states.matmul(weights);
  }

  at::Tensor weights;
};
TORCH_MODULE(EdgeModel);
static_assert(vlp::Model<EdgeModel>);

}  // namespace outside

VLP_PLUGIN(edge_model, "1.0", outside::EdgeModel);
