#pragma once
// Text encoder: a text becomes a row of states, alone or, where it can, by cross-attention to an
// image. Contract: differentiable, works for every batch size, draws on torch's generators only in
// training mode; parameters are named as Hugging Face's checkpoints name them. Letters: B texts, T
// text tokens, N image tokens, D width, De the image's width.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/core/error.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// A text encoder is used like a module holder: copies refer to one module. Ids are [B, T] int64,
/// masks [B, T] bool with true = token. One that can attend to images also offers
///   grounded_states(ids, mask, images [B, N, De]) -> [B, T, D]; of one image, [1, N, De], all
///   texts look at it. Images come as an `ImageMemory`, which keeps keys and values for other
///   passes, or for who wants no more as the tensor
/// and says so beforehand by `static Needs serves(const Options&)` with Needs::grounded_states in
/// it.
template <class E>
concept TextEncoder =
    std::copyable<E> && requires(E encoder, const at::Tensor& ids, const at::Tensor& mask) {
      {
        encoder->text_states(ids, mask)
      } -> std::same_as<at::Tensor>;  // [B, T, D]; position 0 is what embeddings are made of
      { encoder->width() } -> std::convertible_to<std::int64_t>;  // D
      { encoder.ptr() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
    };

/// Any text encoder as a value; used like a module holder.
class AnyTextEncoder {
 public:
  static constexpr std::string_view kind = "text_encoder";

  template <class E>
    requires(!std::same_as<E, AnyTextEncoder>) && TextEncoder<E>
  AnyTextEncoder(E encoder)
      : module_(encoder.ptr()),
        width_(encoder->width()),
        text_states_([encoder](const at::Tensor& ids, const at::Tensor& mask) mutable {
          return encoder->text_states(ids, mask);
        }) {
    if constexpr (requires(const at::Tensor& x, const ImageMemory& images) {
                    encoder->grounded_states(x, x, images);
                  })
      grounded_states_ = [encoder](const at::Tensor& ids, const at::Tensor& mask,
                                   const ImageMemory& images) mutable {
        return encoder->grounded_states(ids, mask, images);
      };
  }

  AnyTextEncoder* operator->() { return this; }
  [[nodiscard]] at::Tensor text_states(const at::Tensor& ids, const at::Tensor& mask) {
    return text_states_(ids, mask);
  }
  /// @throws ContractError if this text encoder has no cross-attention
  [[nodiscard]] at::Tensor grounded_states(const at::Tensor& ids, const at::Tensor& mask,
                                           const ImageMemory& images) {
    if (!grounded_states_)
      throw ContractError(
          "text encoder: it can't attend to images. Choose one with cross-attention.");
    return grounded_states_(ids, mask, images);
  }
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module_; }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  std::int64_t width_;
  std::function<at::Tensor(const at::Tensor&, const at::Tensor&)> text_states_;
  std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const ImageMemory&)>
      grounded_states_;
};
static_assert(TextEncoder<AnyTextEncoder>);

template <TextEncoder T>
AnyTextEncoder kind_of(ComponentTag<T>);

}  // namespace vlp
