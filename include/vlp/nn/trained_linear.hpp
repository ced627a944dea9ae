#pragma once
// A linear layer's products on a CPU while it is trained. oneDNN's float32 products use the widest
// instructions of any maker's CPU and take a transposed matrix as it lies, so the forward pass and
// the gradient of the input go through it; the gradient of the weights is a product with many rows,
// at which the default library is as fast.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "vlp/nn/packed_linear.hpp"

namespace vlp {

/// y + x, in y's memory where both have one type; y must be a fresh result that nothing else reads,
/// e.g. a linear layer's.
[[nodiscard]] inline at::Tensor add_residual(at::Tensor y, const at::Tensor& x) {
  return y.scalar_type() == x.scalar_type() ? y.add_(x) : y + x;
}

namespace detail {

/// x W^T + b + other by oneDNN; W may be a transposed view, b and other may be missing.
[[nodiscard]] inline at::Tensor onednn_linear(
    const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
    const std::optional<at::Tensor>& other = std::nullopt) {
  if (other) return torch_operator<LinearPlus>().call(x, *other, weight, bias, "add");
  return torch_operator<LinearPointwise>().call(x, weight, bias, "none",
                                                c10::List<std::optional<at::Scalar>>(), "");
}

/// Rows [M, in] to rows [M, out].
struct OnednnLinear : torch::autograd::Function<OnednnLinear> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const std::optional<at::Tensor>& other) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["plus"] = other.has_value();
    return onednn_linear(x, weight, bias, other);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], dy = gradients[0].contiguous();
    at::Tensor dx, dweight, dbias;
    if (ctx->needs_input_grad(0)) dx = onednn_linear(dy, weight.t(), std::nullopt);
    if (ctx->needs_input_grad(1)) dweight = at::mm(dy.t(), x);
    if (ctx->needs_input_grad(2)) dbias = dy.sum(0);
    return {dx, dweight, dbias, ctx->saved_data["plus"].toBool() ? dy : at::Tensor()};
  }
};

/// Below this many multiplications a call costs more than it saves.
inline constexpr std::int64_t kWorthwhileProducts = std::int64_t{1} << 24;

}  // namespace detail

/// x W^T + b + other with gradients; the same as `at::linear` up to rounding.
/// @param x       [..., in]
/// @param weight  [out, in]
/// @param bias    [out]
/// @param other   [..., out], or nothing
[[nodiscard]] inline at::Tensor trained_linear(
    const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
    const std::optional<at::Tensor>& other = std::nullopt) {
  const bool plain = x.is_cpu() && x.dim() >= 2 && x.scalar_type() == at::kFloat &&
                     weight.scalar_type() == at::kFloat &&
                     (!other || other->scalar_type() == at::kFloat) &&
                     !at::autocast::is_autocast_enabled(at::kCPU);
  if (!plain || x.numel() * weight.size(0) < detail::kWorthwhileProducts) {
    at::Tensor y = at::linear(x, weight, bias);
    return other ? add_residual(std::move(y), *other) : y;
  }
  const auto rows = [](const at::Tensor& t) { return t.flatten(0, -2).contiguous(); };
  const at::Tensor y = detail::OnednnLinear::apply(
      rows(x), weight, bias, other ? std::optional(rows(*other)) : std::nullopt);
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return y.view(shape);
}

}  // namespace vlp
