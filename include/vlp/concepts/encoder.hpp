#pragma once
// Encoder: an image becomes a row of states. Contract: `forward` is differentiable, works for every
// batch size, and draws on torch's generators only in training mode; parameters are named as
// Hugging Face's checkpoints name them.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// An encoder is used like a module holder: copies refer to one module.
template <class E>
concept Encoder = std::copyable<E> && requires(E encoder, const at::Tensor& pixels) {
  { encoder->forward(pixels) } -> std::same_as<at::Tensor>;   // [B, 3, H, W] -> [B, N, D]
  { encoder->width() } -> std::convertible_to<std::int64_t>;  // D
  { encoder.ptr() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
};

/// Any encoder as a value; used like a module holder.
class AnyEncoder {
 public:
  static constexpr std::string_view kind = "encoder";

  template <class E>
    requires(!std::same_as<E, AnyEncoder>) && Encoder<E>
  AnyEncoder(E encoder)
      : module_(encoder.ptr()),
        width_(encoder->width()),
        forward_([encoder](const at::Tensor& pixels) mutable { return encoder->forward(pixels); }) {
  }

  AnyEncoder* operator->() { return this; }
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) { return forward_(pixels); }
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module_; }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  std::int64_t width_;
  std::function<at::Tensor(const at::Tensor&)> forward_;
};
static_assert(Encoder<AnyEncoder>);

template <Encoder T>
AnyEncoder kind_of(ComponentTag<T>);

}  // namespace vlp
