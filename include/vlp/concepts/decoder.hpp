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

#include <ATen/core/DimVector.h>
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
  /// @throws ShapeError if the decoder doesn't give [B, T, D], floating-point, where the ids are
  [[nodiscard]] at::Tensor states(const at::Tensor& ids, const at::Tensor& mask,
                                  const ImageMemory& images) {
    return returned(named(shown_, [&] { return self_->states(ids, mask, images); }), shown_,
                    {.what = "states",
                     .sizes = {ids.size(0), ids.size(1), -1},
                     .letters = "BTD",
                     .meaning = "texts, tokens, width"},
                    ids);
  }
  /// @throws ShapeError if the decoder doesn't give floating-point numbers [..., V] where the
  /// states are
  [[nodiscard]] at::Tensor logits(const at::Tensor& states) {
    at::DimVector sizes(states.sizes().begin(), states.sizes().end());
    if (!sizes.empty()) sizes.back() = -1;
    return returned(
        named(shown_, [&] { return self_->logits(states); }), shown_,
        {.what = "logits", .sizes = sizes, .letters = "V", .meaning = "as the states, vocabulary"},
        states);
  }
  /// @throws ShapeError if the cache isn't empty, or its tensors aren't a row a beam or image where
  /// the image states are
  [[nodiscard]] DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                         std::int64_t longest) {
    DecodingCache cache =
        named(shown_, [&] { return self_->make_cache(image_states, beams, longest); });
    if (cache.beams != beams || cache.length != 0)
      throw ShapeError(shown_ + ": make_cache gave another cache (got " +
                       std::to_string(cache.beams) + " beams at length " +
                       std::to_string(cache.length) + ", expected " + std::to_string(beams) +
                       " at length 0). Return an empty one for as many beams as are asked for.");
    const std::int64_t images = image_states.size(0);
    for (const at::Tensor& kept : cache.per_row)
      check_kept(kept, "cache.per_row", images * beams, image_states);
    for (const at::Tensor& kept : cache.per_image)
      check_kept(kept, "cache.per_image", images, image_states);
    return cache;
  }
  /// @throws ShapeError if the decoder doesn't give [B * K, V], floating-point, where the ids are,
  /// or doesn't add its tokens to the cache's length
  [[nodiscard]] at::Tensor step(const at::Tensor& ids, DecodingCache& cache) {
    const std::int64_t after = cache.length + ids.size(1);
    at::Tensor logits = returned(named(shown_, [&] { return self_->step(ids, cache); }), shown_,
                                 {.what = "the logits of a step",
                                  .sizes = {ids.size(0), -1},
                                  .letters = "BV",
                                  .meaning = "rows, vocabulary, of the last token alone"},
                                 ids);
    if (cache.length != after)
      throw ShapeError(shown_ + ": step left the cache at another length (got " +
                       std::to_string(cache.length) + ", expected " + std::to_string(after) +
                       " behind ids " + c10::str(ids.sizes()) +
                       "). Add the tokens to cache.length.");
    return logits;
  }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const {
    return named(shown_, [&] { return self_->ptr(); });
  }

 private:
  /// Its number format and its further dimensions are the decoder's own affair.
  void check_kept(const at::Tensor& kept, std::string_view what, std::int64_t rows,
                  const at::Tensor& image_states) const {
    if (!kept.defined() || kept.dim() == 0 || kept.size(0) != rows)
      throw ShapeError(
          shown_ + ": " + std::string(what) + " holds a tensor of another shape (got " +
          (kept.defined() ? c10::str(kept.sizes()) : std::string("an undefined tensor")) +
          ", expected [" + std::to_string(rows) + ", ...]). Return tensors with a row for each " +
          (what.ends_with("row") ? "beam of each image." : "image."));
    require_device(kept, shown_, what, image_states.device());
  }

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
