#pragma once
// The layers with parameters from which everything else is made. They differ from torch::nn's in
// one thing: initial values are drawn once, from N(0, 0.02) on the CPU, as BERT and ViT begin
// (Devlin et al. 2019; Dosovitskiy et al. 2021).

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/parameter_role.hpp"
#include "vlp/nn/packed_linear.hpp"
#include "vlp/nn/trained_linear.hpp"

namespace vlp {

/// Standard deviation of initial weights unless a component says otherwise. Cut off at +-2 as in
/// BLIP, a hundred deviations away, it is a plain normal.
inline constexpr double kInitialDeviation = 0.02;

/// New weights of a shape, float32 on the CPU, drawn from torch's generator.
[[nodiscard]] inline at::Tensor initial_weights(at::IntArrayRef shape) {
  return at::empty(shape).normal_(0.0, kInitialDeviation);
}

/// Gives freshly made weights (everything but biases and norms) another standard deviation.
inline void set_initial_deviation(torch::nn::Module& module, double deviation) {
  if (deviation == kInitialDeviation) return;
  for (at::Tensor& parameter : module.parameters())
    if (parameter.dim() >= 2) parameter.detach().mul_(deviation / kInitialDeviation);
}

/// y = x W^T + b with `weight` [out, in] and `bias` [out].
class LinearImpl : public torch::nn::Module, public Packable {
 public:
  /// Random weights, bias 0.
  LinearImpl(std::int64_t in, std::int64_t out)
      : weight(register_parameter("weight", initial_weights({out, in}))),
        bias(register_parameter("bias", at::zeros({out}))) {}

  /// @param x  [..., in]
  /// @return   [..., out]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) {
    return use_packed() ? packed_->forward(x) : trained_linear(x, weight, bias);
  }
  /// The exact (erf) GELU of `forward` (Hendrycks and Gimpel 2016).
  [[nodiscard]] at::Tensor gelu(const at::Tensor& x) {
    return use_packed() ? packed_->gelu(x) : at::gelu(trained_linear(x, weight, bias));
  }
  /// `forward` plus a tensor of its result's shape.
  [[nodiscard]] at::Tensor plus(const at::Tensor& x, const at::Tensor& other) {
    return use_packed() ? packed_->plus(x, other) : trained_linear(x, weight, bias, other);
  }

  void pack(WeightForm form) override { packed_.emplace(weight, bias, form); }
  void unpack() override { packed_.reset(); }

  at::Tensor weight, bias;

 private:
  [[nodiscard]] bool use_packed() const { return packed_ && !at::GradMode::is_enabled(); }

  std::optional<PackedLinear> packed_;
};
TORCH_MODULE(Linear);

/// Draws weight and bias anew from U(-1 / sqrt(in), 1 / sqrt(in)), as torch.nn.Linear begins (LeCun
/// et al. 2012, section 4.6, but for a factor of sqrt(3)): for layers whose outputs should be of
/// one size however wide their input is.
inline void set_uniform_weights(Linear& layer) {
  const double bound = 1 / std::sqrt(static_cast<double>(layer->weight.size(1)));
  layer->weight.detach().uniform_(-bound, bound);
  layer->bias.detach().uniform_(-bound, bound);
}

/// Layer normalisation over the last dimension (Ba et al. 2016).
class LayerNormImpl : public torch::nn::Module {
 public:
  /// Weight 1, bias 0.
  LayerNormImpl(std::int64_t width, double eps)
      : weight(register_parameter("weight", at::ones({width}))),
        bias(register_parameter("bias", at::zeros({width}))),
        eps_(eps) {}

  /// @param x  [..., width]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) {
    return at::layer_norm(x, {weight.size(0)}, weight, bias, eps_);
  }

  at::Tensor weight, bias;

 private:
  double eps_;
};
TORCH_MODULE(LayerNorm);

/// A table of `count` rows, looked up by id.
class EmbeddingImpl : public torch::nn::Module, public TellsRoles {
 public:
  /// Random rows.
  EmbeddingImpl(std::int64_t count, std::int64_t width)
      : weight(register_parameter("weight", initial_weights({count, width}))) {}

  /// @param count    rows
  /// @param width    of a row
  /// @param padding  the id whose row receives no gradient, -1 = none
  EmbeddingImpl(std::int64_t count, std::int64_t width, std::int64_t padding)
      : EmbeddingImpl(count, width) {
    padding_ = padding;
    if (padding >= 0) weight.detach()[padding].zero_();
  }

  /// @param ids  [...] int64
  /// @return     [..., width]
  [[nodiscard]] at::Tensor forward(const at::Tensor& ids) {
    return at::embedding(weight, ids, padding_);
  }

  [[nodiscard]] Roles parameter_roles() const override {
    return {{weight, ParameterRole::embedding}};
  }

  at::Tensor weight;

 private:
  std::int64_t padding_ = -1;
};
TORCH_MODULE(Embedding);

/// A module that only gives its children a common name.
class GroupImpl : public torch::nn::Module {};
TORCH_MODULE(Group);

}  // namespace vlp
