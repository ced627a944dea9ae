#pragma once
// Decoder: predicts the next token of a text from the tokens so far and the image states.
// Letters: B images, K beams an image, T text tokens, N image tokens, D text width, V vocabulary, H
// heads.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// What a decoder keeps while it decodes. What the tensors are is the decoder's own affair; a
/// search repeats and reorders rows, the first dimension of each, and leaves out those of finished
/// images.
struct DecodingCache {
  std::int64_t beams = 1;             ///< K
  std::int64_t length = 0;            ///< positions already fed
  std::vector<at::Tensor> per_row;    ///< [B * K, ...] each: row b * K + k is beam k of image b
  std::vector<at::Tensor> per_image;  ///< [B, ...] each: shared by an image's beams
};

/// A decoder is used like a module holder. Images come as an `ImageMemory`, which keeps keys and
/// values for other passes, or for who wants no more as the tensor. `static std::int64_t
/// longest_text(const Options&)`, if it is there, says the most tokens that fit.
template <class Dec>
concept Decoder = requires(Dec decoder, const at::Tensor& ids, const at::Tensor& mask,
                           const at::Tensor& image_states, const at::Tensor& states,
                           const ImageMemory& images, DecodingCache& cache, std::int64_t n) {
  // Teacher forcing: ids [B, T] int64, which begin with [DEC], mask [B, T] bool (true = token;
  // undefined = no padding), images [B, N, De] -> [B, T, D].
  { decoder->states(ids, mask, images) } -> std::same_as<at::Tensor>;
  // The head: [..., D] -> [..., V].
  { decoder->logits(states) } -> std::same_as<at::Tensor>;
  // An empty cache for `beams` beams an image and texts of at most `longest` tokens: (image_states,
  // beams, longest).
  { decoder->make_cache(image_states, n, n) } -> std::same_as<DecodingCache>;
  // Feeds the next tokens, ids [B * K, t] at positions cache.length.., adds t to it, and gives the
  // last one's logits [B * K, V].
  { decoder->step(ids, cache) } -> std::same_as<at::Tensor>;
  { decoder.ptr() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
};

/// Any decoder as a value; used like a module holder.
class AnyDecoder {
 public:
  static constexpr std::string_view kind = "decoder";

  /// What a recipe can know of a decoder before it is built.
  struct Traits {
    std::int64_t longest_text = 0;  ///< tokens that it reads or writes at most; 0 = not known
  };
  template <class Dec>
  [[nodiscard]] static Traits traits(const options_of<Dec>& options) {
    if constexpr (requires { detail::Described<Dec>::type::longest_text(options); })
      return {.longest_text = detail::Described<Dec>::type::longest_text(options)};
    else
      return {};
  }

  template <class Dec>
    requires(!std::same_as<Dec, AnyDecoder>) && Decoder<Dec>
  AnyDecoder(Dec decoder)
      : self_(std::make_shared<Holder<Dec>>(std::move(decoder))),
        shown_(shown_component<Dec>(kind)) {}

  AnyDecoder* operator->() { return this; }
  [[nodiscard]] at::Tensor states(const at::Tensor& ids, const at::Tensor& mask,
                                  const ImageMemory& images) {
    at::Tensor states = named(shown_, [&] { return self_->states(ids, mask, images); });
    if (states.dim() != 3 || states.size(0) != ids.size(0) || states.size(1) != ids.size(1))
      throw ShapeError(shown_ + ": states of another shape (got " + c10::str(states.sizes()) +
                       " of ids " + c10::str(ids.sizes()) +
                       ", expected one row a token). Return [texts, tokens, width].");
    return states;
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& states) {
    return named(shown_, [&] { return self_->logits(states); });
  }
  [[nodiscard]] DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                         std::int64_t longest) {
    return named(shown_, [&] { return self_->make_cache(image_states, beams, longest); });
  }
  [[nodiscard]] at::Tensor step(const at::Tensor& ids, DecodingCache& cache) {
    const std::int64_t after = cache.length + ids.size(1);
    at::Tensor logits = named(shown_, [&] { return self_->step(ids, cache); });
    if (logits.dim() != 2 || logits.size(0) != ids.size(0) || cache.length != after)
      throw ShapeError(shown_ + ": step gave logits " + c10::str(logits.sizes()) +
                       " and left the cache at length " + std::to_string(cache.length) + " (ids " +
                       c10::str(ids.sizes()) + ", expected [" + std::to_string(ids.size(0)) +
                       ", V] and " + std::to_string(after) +
                       "). Return the last token's logits and add the tokens to cache.length.");
    return logits;
  }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return self_->ptr(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual at::Tensor states(const at::Tensor& ids, const at::Tensor& mask,
                              const ImageMemory& images) = 0;
    virtual at::Tensor logits(const at::Tensor& states) = 0;
    virtual DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                     std::int64_t longest) = 0;
    virtual at::Tensor step(const at::Tensor& ids, DecodingCache& cache) = 0;
    virtual std::shared_ptr<torch::nn::Module> ptr() const = 0;
  };
  template <class Dec>
  struct Holder final : Base {
    explicit Holder(Dec d) : decoder(std::move(d)) {}
    at::Tensor states(const at::Tensor& ids, const at::Tensor& mask,
                      const ImageMemory& images) override {
      return decoder->states(ids, mask, images);
    }
    at::Tensor logits(const at::Tensor& states) override { return decoder->logits(states); }
    DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                             std::int64_t longest) override {
      return decoder->make_cache(image_states, beams, longest);
    }
    at::Tensor step(const at::Tensor& ids, DecodingCache& cache) override {
      return decoder->step(ids, cache);
    }
    std::shared_ptr<torch::nn::Module> ptr() const override { return decoder.ptr(); }
    Dec decoder;
  };
  std::shared_ptr<Base> self_;
  std::string shown_;  // in messages
};
static_assert(Decoder<AnyDecoder>);

template <Decoder T>
AnyDecoder kind_of(ComponentTag<T>);

}  // namespace vlp
