#pragma once
// Weights laid out for inference on a CPU: oneDNN's blocked float32, whose products are faster than
// those of plain matrices whatever the number of rows, or 8-bit integers (Jacob et al. 2018,
// section 2.1) with activations quantized as they come. Both are LibTorch's own kernels.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/native/quantized/PackedParams.h>
#include <c10/core/InferenceMode.h>

#include "vlp/core/finite.hpp"

namespace vlp {

/// How the weights of a linear layer are laid out while nothing is trained.
enum class WeightForm {
  packed,  ///< float32 in oneDNN's blocks; results differ from plain ones by rounding only
  int8,    ///< 8 bits, a scale for each output; activations get one scale a call
};

namespace detail {

// Operators of LibTorch that have no function in ATen's headers.
struct LinearPointwise {
  static constexpr const char *name = "mkldnn::_linear_pointwise", *overload = "";
  using Signature = at::Tensor(const at::Tensor& x, const at::Tensor& weight,
                               const std::optional<at::Tensor>& bias, std::string_view operation,
                               c10::List<std::optional<at::Scalar>> scalars,
                               std::optional<std::string_view> algorithm);
};
struct LinearPlus {
  static constexpr const char *name = "mkldnn::_linear_pointwise", *overload = "binary";
  using Signature = at::Tensor(const at::Tensor& x, const at::Tensor& other,
                               const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                               std::string_view operation);
};
struct ReorderLinearWeight {
  static constexpr const char *name = "mkldnn::_reorder_linear_weight", *overload = "";
  using Signature = at::Tensor(const at::Tensor& weight, std::optional<std::int64_t> rows);
};
struct PackQuantizedLinear {
  static constexpr const char *name = "quantized::linear_prepack", *overload = "";
  using Signature = c10::intrusive_ptr<LinearPackedParamsBase>(at::Tensor weight,
                                                               std::optional<at::Tensor> bias);
};

template <class Operator>
[[nodiscard]] const c10::TypedOperatorHandle<typename Operator::Signature>& torch_operator() {
  static const auto handle = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow(Operator::name, Operator::overload)
                                 .template typed<typename Operator::Signature>();
  return handle;
}

}  // namespace detail

/// y = x W^T + b from weights laid out once. Holds copies; knows no gradients. Rows of x that
/// aren't finite give NaN in either form, though 8 bits know none.
class PackedLinear {
 public:
  /// @param weight  [out, in] float32 on the CPU
  /// @param bias    [out] float32
  /// @param form    of the copy
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias, WeightForm form)
      : bias_(bias.detach()) {
    const c10::InferenceMode inference;
    if (form == WeightForm::packed) {
      weight_ =
          detail::torch_operator<detail::ReorderLinearWeight>().call(weight.detach(), std::nullopt);
      return;
    }
    const at::Tensor broken = not_finite_rows(weight.detach());  // [out, 1]
    bias_ = bias_.masked_fill(broken.squeeze(1), kNaN);
    quantized_ = detail::torch_operator<detail::PackQuantizedLinear>().call(
        quantize(weight.detach().masked_fill(broken, 0)), bias_);
  }

  /// @param x  [..., in]
  /// @return   [..., out]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) const {
    return quantized_ ? apply_quantized(x) : pointwise(x, "none", "");
  }

  /// The exact (erf) GELU of `forward`.
  [[nodiscard]] at::Tensor gelu(const at::Tensor& x) const {
    if (!quantized_) return pointwise(x, "gelu", "none");
    at::Tensor y = apply_quantized(x);
    return at::gelu_(y);
  }

  /// `forward` plus a tensor of its result's shape.
  [[nodiscard]] at::Tensor plus(const at::Tensor& x, const at::Tensor& other) const {
    if (quantized_) return apply_quantized(x).add_(other);
    return detail::torch_operator<detail::LinearPlus>().call(x, other, weight_, bias_, "add");
  }

 private:
  static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

  [[nodiscard]] at::Tensor pointwise(const at::Tensor& x, std::string_view operation,
                                     std::string_view algorithm) const {
    return detail::torch_operator<detail::LinearPointwise>().call(
        x, weight_, bias_, operation, c10::List<std::optional<at::Scalar>>(), algorithm);
  }

  /// [..., 1] bool of [..., N].
  [[nodiscard]] static at::Tensor not_finite_rows(const at::Tensor& x) {
    return x.isfinite().all(-1, /*keepdim=*/true).logical_not();
  }

  /// One scale for each row, symmetric.
  [[nodiscard]] static at::Tensor quantize(const at::Tensor& weight) {
    const at::Tensor scales = weight.abs().amax(1).to(at::kDouble).div_(127).clamp_min_(1e-12);
    return at::quantize_per_channel(weight, scales, at::zeros_like(scales, at::kLong), 0,
                                    at::kQInt8);
  }

  /// Activations keep 8 bits where the CPU adds products without saturation (VNNI), else 7, as
  /// LibTorch does by default. The scale is that of all rows: one with NaN would be taken for
  /// numbers, and one with infinity would spoil the others.
  [[nodiscard]] at::Tensor apply_quantized(const at::Tensor& given) const {
    static const bool saturates = !__builtin_cpu_supports("avx512vnni");
    const at::Tensor x = given.contiguous();  // as the kernel takes it
    const std::span numbers(static_cast<const float*>(x.const_data_ptr()),
                            static_cast<std::size_t>(x.numel()));
    if (all_finite(numbers)) return quantized_->apply_dynamic(x, /*reduce_range=*/saturates);
    const at::Tensor broken = not_finite_rows(x);
    return quantized_->apply_dynamic(x.masked_fill(broken, 0), /*reduce_range=*/saturates)
        .masked_fill_(broken, kNaN);
  }

  at::Tensor weight_, bias_;
  c10::intrusive_ptr<LinearPackedParamsBase> quantized_;  ///< null for WeightForm::packed
};

/// A module that can lay its weights out for inference.
class Packable {
 public:
  virtual ~Packable() = default;
  /// Forward passes without gradients use copies in this form until `unpack`; weights must not
  /// change meanwhile.
  virtual void pack(WeightForm form) = 0;
  /// Forgets the copies.
  virtual void unpack() = 0;
};

}  // namespace vlp
