#pragma once
// Model: owns encoders, decoder, heads and momentum encoders, and serves the parts of a forward
// pass that losses ask for through `Forward` (concepts/forward.hpp).

#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/needs.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// A model is used like a module holder: copies refer to one module. It offers `serves()` and, of
/// the following, what it serves. Letters: B pairs, N image tokens, T text tokens, D and Dt widths,
/// E width of embeddings, V vocabulary; ids are [B, T] int64, masks [B, T] bool with true = token.
///   image_states(pixels [B, 3, H, W]) -> [B, N, D]
///   text_states(ids, mask) -> [B, T, Dt], no image seen
///   image_embeddings(image states) -> [B, E] unit rows
///   text_embeddings(text states) -> [B, E] unit rows
///   momentum_image_embeddings(pixels), momentum_text_embeddings(ids, mask) -> [B, E] unit rows
///   without gradient temperature() -> scalar by which similarities of embeddings are divided
///   grounded_states(ids, mask, images [B, N, D] or [1, N, D]) -> [B, T, Dt]; sets position 0 to
///   its mark itself match_logits(grounded states [B, T, Dt]) -> [B, 2]: no match, match
///   decoder_states(ids, mask, images [B, N, D]) -> [B, T, Dt]; sets position 0 to [DEC] itself
///   decoder_logits(states [..., Dt]) -> [..., V]
///   generate(image_states [B, N, D], prompt ids without special tokens, options) -> candidates,
///   best first, for each image;
///     a model that can sample takes a fourth argument: B random streams, one an image
///   begin_step(): called in training once before the passes of each update; momentum encoders
///   follow there
/// Images come as an `ImageMemory`, which keeps keys and values for other passes, or for who wants
/// no more as the tensor. What exists only because a loss needs it (momentum encoders) is made if
/// `Context::needs` asks for it.
template <class M>
concept Model = std::copyable<M> && requires(M model) {
  { model.ptr() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
  { model->serves() } -> std::same_as<Needs>;
};

/// The part of a model that writes captions.
struct GeneratePart {
  /// Candidates of each image, best first.
  using Captions = std::vector<std::vector<Candidate>>;
  /// Of image states, prompt, options and random streams; empty in a model that writes none.
  std::function<Captions(const at::Tensor&, const std::vector<std::int64_t>&,
                         const GenerateOptions&, const std::vector<RandomStream>&)>
      call;

  /// Whether the model writes captions.
  explicit operator bool() const { return static_cast<bool>(call); }
  /// @param image_states  [B, N, D]
  /// @param prompt        ids between [DEC] and the caption
  /// @param options       how to generate
  /// @param random        B streams, one an image; needed for sampling only
  [[nodiscard]] Captions operator()(const at::Tensor& image_states,
                                    const std::vector<std::int64_t>& prompt,
                                    const GenerateOptions& options,
                                    const std::vector<RandomStream>& random = {}) const {
    return call(image_states, prompt, options, random);
  }
};

/// The parts of a model as functions, with the shapes of `Model`; empty where a model doesn't serve
/// one.
struct ModelParts {
  /// From one tensor to one.
  using Unary = std::function<at::Tensor(const at::Tensor&)>;
  /// From ids and mask.
  using OfText = std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>;
  /// From ids, mask and image states.
  using OfTextAndImage =
      std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const ImageMemory&)>;

  Needs serves = Needs::nothing;            ///< what losses may ask for
  Unary image_states;                       ///< of pixels
  OfText text_states;                       ///< of ids and mask
  Unary image_embeddings;                   ///< of image states
  Unary text_embeddings;                    ///< of text states
  Unary momentum_image_embeddings;          ///< of pixels
  OfText momentum_text_embeddings;          ///< of ids and mask
  std::function<at::Tensor()> temperature;  ///< divides similarities
  OfTextAndImage grounded_states;           ///< of ids, mask and image states
  Unary match_logits;                       ///< of grounded states
  OfTextAndImage decoder_states;            ///< of ids, mask and image states
  Unary decoder_logits;                     ///< of decoder states
  GeneratePart generate;                    ///< captions of image states
  std::function<void()> begin_step;         ///< before the passes of an update
};

namespace detail {

/// Takes away what a model can do by its type but, put together as it is, doesn't serve.
inline void keep_served(ModelParts& parts) {
  const auto needs = [&](Needs any, auto&... part) {
    if ((parts.serves & any) == Needs::nothing) ((part = {}), ...);
  };
  needs(Needs::text_states | Needs::embeddings, parts.text_states);
  needs(Needs::embeddings, parts.image_embeddings, parts.text_embeddings, parts.temperature);
  needs(Needs::momentum_embeddings, parts.momentum_image_embeddings,
        parts.momentum_text_embeddings);
  needs(Needs::grounded_states, parts.grounded_states);
  needs(Needs::match_logits, parts.match_logits);
  needs(Needs::decoder_logits, parts.decoder_states, parts.decoder_logits, parts.generate);
}

}  // namespace detail

/// Collects what a model offers; a part that it claims to serve and doesn't offer can't be asked
/// for. Momentum embeddings are offered only by a model that says `has_momentum()`, where it has
/// that function.
template <Model M>
[[nodiscard]] ModelParts parts_of(M model) {
  using T = at::Tensor;
  ModelParts parts;
  parts.serves = model->serves();
  bool momentum = true;
  if constexpr (requires {
                  { model->has_momentum() } -> std::same_as<bool>;
                })
    momentum = model->has_momentum();
  if constexpr (requires(const T& x) {
                  { model->image_states(x) } -> std::same_as<T>;
                })
    parts.image_states = [model](const T& pixels) mutable { return model->image_states(pixels); };
  if constexpr (requires(const T& x) {
                  { model->text_states(x, x) } -> std::same_as<T>;
                })
    parts.text_states = [model](const T& ids, const T& mask) mutable {
      return model->text_states(ids, mask);
    };
  if constexpr (requires(const T& x) {
                  { model->image_embeddings(x) } -> std::same_as<T>;
                })
    parts.image_embeddings = [model](const T& states) mutable {
      return model->image_embeddings(states);
    };
  if constexpr (requires(const T& x) {
                  { model->text_embeddings(x) } -> std::same_as<T>;
                })
    parts.text_embeddings = [model](const T& states) mutable {
      return model->text_embeddings(states);
    };
  if constexpr (requires(const T& x) {
                  { model->momentum_image_embeddings(x) } -> std::same_as<T>;
                })
    if (momentum)
      parts.momentum_image_embeddings = [model](const T& pixels) mutable {
        return model->momentum_image_embeddings(pixels);
      };
  if constexpr (requires(const T& x) {
                  { model->momentum_text_embeddings(x, x) } -> std::same_as<T>;
                })
    if (momentum)
      parts.momentum_text_embeddings = [model](const T& ids, const T& mask) mutable {
        return model->momentum_text_embeddings(ids, mask);
      };
  if constexpr (requires {
                  { model->temperature() } -> std::convertible_to<T>;
                })
    parts.temperature = [model]() mutable -> T { return model->temperature(); };
  if constexpr (requires(const T& x, const ImageMemory& images) {
                  { model->grounded_states(x, x, images) } -> std::same_as<T>;
                })
    parts.grounded_states = [model](const T& ids, const T& mask,
                                    const ImageMemory& images) mutable {
      return model->grounded_states(ids, mask, images);
    };
  if constexpr (requires(const T& x) {
                  { model->match_logits(x) } -> std::same_as<T>;
                })
    parts.match_logits = [model](const T& states) mutable { return model->match_logits(states); };
  if constexpr (requires(const T& x, const ImageMemory& images) {
                  { model->decoder_states(x, x, images) } -> std::same_as<T>;
                })
    parts.decoder_states = [model](const T& ids, const T& mask, const ImageMemory& images) mutable {
      return model->decoder_states(ids, mask, images);
    };
  if constexpr (requires(const T& x) {
                  { model->decoder_logits(x) } -> std::same_as<T>;
                })
    parts.decoder_logits = [model](const T& states) mutable {
      return model->decoder_logits(states);
    };
  using Prompt = std::vector<std::int64_t>;
  using Random = std::vector<RandomStream>;
  if constexpr (requires(const T& x, const Prompt& p, const GenerateOptions& o, const Random& r) {
                  model->generate(x, p, o, r);
                })
    parts.generate.call = [model](const T& image_states, const Prompt& prompt,
                                  const GenerateOptions& options, const Random& random) mutable {
      return model->generate(image_states, prompt, options, random);
    };
  else if constexpr (requires(const T& x, const Prompt& p, const GenerateOptions& o) {
                       model->generate(x, p, o);
                     })
    parts.generate.call = [model](const T& image_states, const Prompt& prompt,
                                  const GenerateOptions& options, const Random&) mutable {
      if (options.sample)
        throw RecipeError("generate: this model can't sample. Set sample = false.");
      return model->generate(image_states, prompt, options);
    };
  if constexpr (requires { model->begin_step(); })
    parts.begin_step = [model]() mutable { model->begin_step(); };
  detail::keep_served(parts);
  return parts;
}

/// Any model as a value; used like a module holder.
class AnyModel {
 public:
  static constexpr std::string_view kind = "model";

  template <class M>
    requires(!std::same_as<M, AnyModel>) && Model<M>
  AnyModel(M model)
      : module_(model.ptr()), parts_(std::make_shared<ModelParts>(parts_of(std::move(model)))) {}

  AnyModel* operator->() { return this; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module_; }
  [[nodiscard]] Needs serves() const { return parts_->serves; }
  [[nodiscard]] const ModelParts& parts() const { return *parts_; }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  std::shared_ptr<ModelParts> parts_;
};
static_assert(Model<AnyModel>);

template <Model T>
AnyModel kind_of(ComponentTag<T>);

/// The parts of an erased model are there already.
[[nodiscard]] inline ModelParts parts_of(const AnyModel& model) { return model.parts(); }

}  // namespace vlp
