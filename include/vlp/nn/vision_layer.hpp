#pragma once
// One pre-norm layer of a vision transformer (Dosovitskiy et al. 2021, equations 2 and 3),
// parameters named as Hugging Face's BLIP names them.

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/nn/attention.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/recompute.hpp"

namespace vlp {

/// Self-attention of all tokens to all; queries, keys and values come from one fused projection, in
/// this order.
class VisionAttentionImpl : public torch::nn::Module {
 public:
  /// `heads` divides `width`.
  VisionAttentionImpl(std::int64_t width, std::int64_t heads)
      : qkv(register_module("qkv", Linear(width, 3 * width))),
        projection(register_module("projection", Linear(width, width))),
        heads_(heads) {}

  /// @param x  [B, N, D]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) { return projection(attended(x)); }
  /// `forward` plus a tensor of its shape.
  [[nodiscard]] at::Tensor plus(const at::Tensor& x, const at::Tensor& other) {
    return projection->plus(attended(x), other);
  }

  Linear qkv, projection;

 private:
  at::Tensor attended(const at::Tensor& x) {
    const at::Tensor fused = qkv(x).view({x.size(0), x.size(1), 3, heads_, x.size(2) / heads_});
    const std::vector<at::Tensor> parts = fused.unbind(2);
    return attend(parts[0].transpose(1, 2), parts[1].transpose(1, 2), parts[2].transpose(1, 2));
  }

  std::int64_t heads_;
};
TORCH_MODULE(VisionAttention);

/// Two linear layers with the exact (erf) GELU between them (Hendrycks and Gimpel 2016).
class MlpImpl : public torch::nn::Module {
 public:
  /// Random weights.
  MlpImpl(std::int64_t width, std::int64_t hidden)
      : fc1(register_module("fc1", Linear(width, hidden))),
        fc2(register_module("fc2", Linear(hidden, width))) {}

  /// @param x  [..., D]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) { return fc2(fc1->gelu(x)); }
  /// `forward` plus a tensor of its shape.
  [[nodiscard]] at::Tensor plus(const at::Tensor& x, const at::Tensor& other) {
    return fc2->plus(fc1->gelu(x), other);
  }

  Linear fc1, fc2;
};
TORCH_MODULE(Mlp);

/// Sizes of a vision layer.
struct VisionLayerSizes {
  std::int64_t width = 768;    ///< D
  std::int64_t heads = 12;     ///< H; divides the width
  std::int64_t hidden = 3072;  ///< of the MLP
  double eps = 1e-5;           ///< of the layer norms
};

/// x + attention(norm(x)), then x + mlp(norm(x)).
class VisionLayerImpl : public torch::nn::Module, public Recomputable {
 public:
  /// @param sizes      width, heads, MLP
  /// @param drop_path  probability with which a sample skips each branch while training, [0, 1)
  ///                   (Huang et al. 2016)
  VisionLayerImpl(const VisionLayerSizes& sizes, double drop_path)
      : layer_norm1(register_module("layer_norm1", LayerNorm(sizes.width, sizes.eps))),
        self_attn(register_module("self_attn", VisionAttention(sizes.width, sizes.heads))),
        layer_norm2(register_module("layer_norm2", LayerNorm(sizes.width, sizes.eps))),
        mlp(register_module("mlp", Mlp(sizes.width, sizes.hidden))),
        drop_path_(drop_path) {}

  /// @param x  [B, N, D]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) {
    if (!recomputes()) return computed(x);
    return recomputed(*this, {x}, [this](at::TensorList given) { return computed(given[0]); });
  }

  LayerNorm layer_norm1;
  VisionAttention self_attn;
  LayerNorm layer_norm2;
  Mlp mlp;

 private:
  at::Tensor computed(const at::Tensor& x) {
    if (drop_path_ > 0 && is_training()) {
      const at::Tensor attended = add_residual(drop(self_attn(layer_norm1(x))), x);
      return add_residual(drop(mlp(layer_norm2(attended))), attended);
    }
    const at::Tensor attended = self_attn->plus(layer_norm1(x), x);
    return mlp->plus(layer_norm2(attended), attended);
  }

  /// Sets whole samples to 0 and scales the others up, so that the expectation stays.
  at::Tensor drop(const at::Tensor& branch) const {
    const double keep = 1 - drop_path_;
    return branch * at::empty({branch.size(0), 1, 1}, branch.options()).bernoulli_(keep).div_(keep);
  }

  double drop_path_;
};
TORCH_MODULE(VisionLayer);

}  // namespace vlp
