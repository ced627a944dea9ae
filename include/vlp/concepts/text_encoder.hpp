#pragma once
// Text encoder: a text becomes a row of states, alone or, where it can, by cross-attention to an
// image. Contract: differentiable, works for every batch size, draws on torch's generators only in
// training mode. Parameters may have any names; a format (concepts/format.hpp) maps them to those
// of other people's files. Letters: B texts, T text tokens, N image tokens, D width, De the image's
// width.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/returned_tensor.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// A text encoder is used like a module holder: copies refer to one module. Ids are [B, T] int64,
/// masks [B, T] bool with true = token. It may offer
///   - summary(states [B, T, D], mask) -> [B, D]: one vector a text, of which embeddings are made;
///     without it that is the state of position 0, as behind a [CLS]
///   - grounded_states(ids, mask, images [B, N, De]) -> [B, T, D]: cross-attention to images; one
///     image, [1, N, De], is seen by all texts. Images come as an `ImageMemory`, which keeps keys
///     and values for other passes, or for who wants no more as the tensor
///   - static bool sees_images(const Options&): whether it can, where that depends on the options
///   - static std::int64_t longest_text(const Options&): the most tokens that fit
template <class E>
concept TextEncoder =
    std::copyable<E> && requires(E encoder, const at::Tensor& ids, const at::Tensor& mask) {
      { encoder->text_states(ids, mask) } -> std::same_as<at::Tensor>;  // [B, T, D]
      { encoder->width() } -> std::convertible_to<std::int64_t>;        // D
      { encoder.ptr() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
    };

/// Any text encoder as a value; used like a module holder.
class AnyTextEncoder {
 public:
  static constexpr std::string_view kind = "text_encoder";

  /// What a recipe can know of a text encoder before it is built.
  struct Traits {
    bool sees_images = false;       ///< whether texts can attend to images
    std::int64_t longest_text = 0;  ///< tokens that it reads at most; 0 = not known
  };
  template <class E>
  [[nodiscard]] static Traits traits(const options_of<E>& options) {
    using Type = typename detail::Described<E>::type;
    Traits traits{.sees_images = kGrounds<E>};
    if constexpr (requires { Type::sees_images(options); })
      traits.sees_images = Type::sees_images(options);
    if constexpr (requires { Type::longest_text(options); })
      traits.longest_text = Type::longest_text(options);
    return traits;
  }

  template <class E>
    requires(!std::same_as<E, AnyTextEncoder>) && TextEncoder<E>
  AnyTextEncoder(E encoder)
      : shown_(shown_component<E>(kind)),
        module_(named(shown_, [&] { return encoder.ptr(); })),
        width_(named(shown_, [&] { return encoder->width(); })),
        text_states_([encoder](const at::Tensor& ids, const at::Tensor& mask) mutable {
          return encoder->text_states(ids, mask);
        }) {
    if constexpr (kGrounds<E>)
      grounded_states_ = [encoder](const at::Tensor& ids, const at::Tensor& mask,
                                   const ImageMemory& images) mutable {
        return encoder->grounded_states(ids, mask, images);
      };
    if constexpr (requires(const at::Tensor& x) {
                    { encoder->summary(x, x) } -> std::same_as<at::Tensor>;
                  })
      summary_ = [encoder](const at::Tensor& states, const at::Tensor& mask) mutable {
        return encoder->summary(states, mask);
      };
  }

  AnyTextEncoder* operator->() { return this; }
  /// @throws ShapeError if the encoder doesn't give [B, T, D], floating-point, where the ids are
  [[nodiscard]] at::Tensor text_states(const at::Tensor& ids, const at::Tensor& mask) {
    return checked("text states", named(shown_, [&] { return text_states_(ids, mask); }), ids);
  }
  /// @throws ContractError if this text encoder has no cross-attention, ShapeError as `text_states`
  [[nodiscard]] at::Tensor grounded_states(const at::Tensor& ids, const at::Tensor& mask,
                                           const ImageMemory& images) {
    if (!grounded_states_)
      throw ContractError(shown_ + ": it can't attend to images. Choose one with cross-attention.");
    return checked("grounded states",
                   named(shown_, [&] { return grounded_states_(ids, mask, images); }), ids);
  }
  /// @param states  [B, T, D], what `text_states` returns
  /// @param mask    [B, T] bool, true = token
  /// @return        [B, D]
  /// @throws ShapeError if the encoder gives something else
  [[nodiscard]] at::Tensor summary(const at::Tensor& states, const at::Tensor& mask) const {
    if (!summary_) return states.select(1, 0);
    return returned(named(shown_, [&] { return summary_(states, mask); }), shown_,
                    {.what = "summary(states, mask)",
                     .sizes = {states.size(0), width_},
                     .letters = "BD",
                     .meaning = "texts, width()"},
                    states);
  }
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module_; }

 private:
  [[nodiscard]] at::Tensor checked(std::string_view what, at::Tensor states,
                                   const at::Tensor& ids) const {
    return returned(std::move(states), shown_,
                    {.what = what,
                     .sizes = {ids.size(0), ids.size(1), width_},
                     .letters = "BTD",
                     .meaning = "texts, tokens, width()"},
                    ids);
  }

  template <class E>
  static constexpr bool kGrounds =
      requires(E encoder, const at::Tensor& x, const ImageMemory& images) {
        encoder->grounded_states(x, x, images);
      };

  std::string shown_;  // in messages
  std::shared_ptr<torch::nn::Module> module_;
  std::int64_t width_;
  std::function<at::Tensor(const at::Tensor&, const at::Tensor&)> text_states_, summary_;
  std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const ImageMemory&)>
      grounded_states_;
};
static_assert(TextEncoder<AnyTextEncoder>);

template <TextEncoder T>
AnyTextEncoder kind_of(ComponentTag<T>);

}  // namespace vlp
