#pragma once
// Encoder: an image becomes a row of states. Contract: `forward` is differentiable, works for every
// batch size, and draws on torch's generators only in training mode. Parameters may have any names;
// a format (concepts/format.hpp) maps them to those of other people's files.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/image_problem.hpp"
#include "vlp/concepts/returned_tensor.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// An encoder is used like a module holder: copies refer to one module. One whose images can be
/// compared as wholes also offers
///   - summary(states [B, N, D]) -> [B, D]: one vector an image, of which embeddings are made: the
///     class token, a mean, a pooling of its own
///
/// Any may say beforehand, by `static std::string image_problem(const Options&, height, width)`,
/// what is wrong with images of a size.
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

  /// What a recipe can know of an encoder before it is built.
  struct Traits {
    bool summary = false;  ///< whether it has one vector for an image
    ImageProblem image_problem;
  };
  template <class E>
  [[nodiscard]] static Traits traits(const options_of<E>& options) {
    return {.summary = kSummarises<E>, .image_problem = image_problem_of<E>(options, kind)};
  }

  template <class E>
    requires(!std::same_as<E, AnyEncoder>) && Encoder<E>
  AnyEncoder(E encoder)
      : shown_(shown_component<E>(kind)),
        module_(named(shown_, [&] { return encoder.ptr(); })),
        width_(named(shown_, [&] { return encoder->width(); })),
        forward_([encoder](const at::Tensor& pixels) mutable { return encoder->forward(pixels); }) {
    if constexpr (kSummarises<E>)
      summary_ = [encoder](const at::Tensor& states) mutable { return encoder->summary(states); };
  }

  AnyEncoder* operator->() { return this; }
  /// @throws ShapeError if the encoder doesn't give [B, N, D], floating-point, where the pixels are
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) {
    return returned(named(shown_, [&] { return forward_(pixels); }), shown_,
                    {.what = "image states",
                     .sizes = {pixels.size(0), -1, width_},
                     .letters = "BND",
                     .meaning = "images, image tokens, width()"},
                    pixels);
  }
  /// @param states  [B, N, D], what `forward` returns
  /// @return        [B, D]
  /// @throws ContractError if the encoder has none, ShapeError if it gives something else
  [[nodiscard]] at::Tensor summary(const at::Tensor& states) const {
    if (!summary_)
      throw ContractError(
          shown_ +
          ": it has no vector for a whole image. Give it `summary(states)`, or choose "
          "another one.");
    return returned(named(shown_, [&] { return summary_(states); }), shown_,
                    {.what = "summary(states)",
                     .sizes = {states.size(0), width_},
                     .letters = "BD",
                     .meaning = "images, width()"},
                    states);
  }
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module_; }

 private:
  template <class E>
  static constexpr bool kSummarises = requires(E encoder, const at::Tensor& states) {
    { encoder->summary(states) } -> std::same_as<at::Tensor>;
  };

  std::string shown_;  // in messages
  std::shared_ptr<torch::nn::Module> module_;
  std::int64_t width_;
  std::function<at::Tensor(const at::Tensor&)> forward_, summary_;
};
static_assert(Encoder<AnyEncoder>);

template <Encoder T>
AnyEncoder kind_of(ComponentTag<T>);

}  // namespace vlp
