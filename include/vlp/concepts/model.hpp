#pragma once
// Model: owns encoders, decoder and heads, and serves the parts of a forward pass that losses ask for.
// `Forward` is one pass over one batch, lazily: each part is computed once however many losses ask.

#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/needs.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// A model is used like a module holder: copies refer to one module. It offers `serves()` and, of the following, what it serves:
///   image_states(pixels [B, 3, H, W]) -> [B, N, D]
///   decoder_states(ids [B, T], mask [B, T], image_states [B, N, D]) -> [B, T, Dt]; sets position 0 to [DEC] itself
///   decoder_logits(states [..., Dt]) -> [..., V]
///   generate(image_states [B, N, D], prompt ids without special tokens, options) -> candidates, best first, for each image;
///     a model that can sample takes a fourth argument: B random streams, one an image
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
  std::function<Captions(const at::Tensor&, const std::vector<std::int64_t>&, const GenerateOptions&, const std::vector<RandomStream>&)>
      call;

  /// Whether the model writes captions.
  explicit operator bool() const { return static_cast<bool>(call); }
  /// @param image_states  [B, N, D]
  /// @param prompt        ids between [DEC] and the caption
  /// @param options       how to generate
  /// @param random        B streams, one an image; needed for sampling only
  [[nodiscard]] Captions operator()(const at::Tensor& image_states, const std::vector<std::int64_t>& prompt, const GenerateOptions& options,
                                    const std::vector<RandomStream>& random = {}) const {
    return call(image_states, prompt, options, random);
  }
};

/// The parts of a model as functions, with the shapes of `Model`; empty where a model doesn't serve one.
struct ModelParts {
  Needs serves = Needs::nothing;                              ///< what losses may ask for
  std::function<at::Tensor(const at::Tensor&)> image_states;  ///< of pixels
  /// of ids, mask and image states
  std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)> decoder_states;
  std::function<at::Tensor(const at::Tensor&)> decoder_logits;  ///< of decoder states
  GeneratePart generate;                                        ///< captions of image states
};

/// Collects what a model offers; a part that it claims to serve and doesn't offer can't be asked for.
template <Model M>
[[nodiscard]] ModelParts parts_of(M model) {
  using T = at::Tensor;
  ModelParts parts;
  parts.serves = model->serves();
  if constexpr (requires(const T& x) {
                  { model->image_states(x) } -> std::same_as<T>;
                })
    parts.image_states = [model](const T& pixels) mutable { return model->image_states(pixels); };
  if constexpr (requires(const T& x) {
                  { model->decoder_states(x, x, x) } -> std::same_as<T>;
                })
    parts.decoder_states = [model](const T& ids, const T& mask, const T& image) mutable { return model->decoder_states(ids, mask, image); };
  if constexpr (requires(const T& x) {
                  { model->decoder_logits(x) } -> std::same_as<T>;
                })
    parts.decoder_logits = [model](const T& states) mutable { return model->decoder_logits(states); };
  using Prompt = std::vector<std::int64_t>;
  using Random = std::vector<RandomStream>;
  if constexpr (requires(const T& x, const Prompt& p, const GenerateOptions& o, const Random& r) { model->generate(x, p, o, r); })
    parts.generate.call = [model](const T& image_states, const Prompt& prompt, const GenerateOptions& options,
                                  const Random& random) mutable { return model->generate(image_states, prompt, options, random); };
  else if constexpr (requires(const T& x, const Prompt& p, const GenerateOptions& o) { model->generate(x, p, o); })
    parts.generate.call = [model](const T& image_states, const Prompt& prompt, const GenerateOptions& options, const Random&) mutable {
      if (options.sample) throw RecipeError("generate: this model can't sample. Set sample = false.");
      return model->generate(image_states, prompt, options);
    };
  return parts;
}

/// Any model as a value; used like a module holder.
class AnyModel {
 public:
  static constexpr std::string_view kind = "model";

  template <class M>
    requires(!std::same_as<M, AnyModel>) && Model<M>
  AnyModel(M model) : module_(model.ptr()), parts_(std::make_shared<ModelParts>(parts_of(std::move(model)))) {}

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

/// One pass over one batch. Not thread-safe; dies before its batch and its model.
class Forward {
 public:
  /// @param parts         of the model
  /// @param batch         on the model's device
  /// @param image_states  [B, N, D] where they are known already, e.g. one image's states for each of its captions
  Forward(const ModelParts& parts, const Batch& batch, at::Tensor image_states = {})
      : parts_(parts), batch_(batch), image_states_(std::move(image_states)) {}

  /// The batch that is passed.
  [[nodiscard]] const Batch& batch() const { return batch_; }

  /// @return  [B, N, D] of the batch's images
  const at::Tensor& image_states() {
    if (!image_states_.defined()) image_states_ = served(parts_.image_states, Needs::image_states)(batch_.pixels);
    return image_states_;
  }
  /// @return  [B, T, Dt] of the batch's texts under teacher forcing
  const at::Tensor& decoder_states() {
    if (!decoder_states_.defined())
      decoder_states_ = served(parts_.decoder_states, Needs::decoder_logits)(batch_.token_ids, batch_.token_mask, image_states());
    return decoder_states_;
  }
  /// @return  [M, V] logits at the batch's supervised positions only
  const at::Tensor& target_logits() {
    if (!target_logits_.defined()) {
      const at::Tensor& states = decoder_states();
      target_logits_ = served(parts_.decoder_logits, Needs::decoder_logits)(states.flatten(0, 1).index_select(0, batch_.target_index));
    }
    return target_logits_;
  }

 private:
  template <class F>
  static const F& served(const F& part, Needs need) {
    if (!part) throw ShapeError("forward: the model serves no part for " + in_words(need) + ".");
    return part;
  }

  const ModelParts& parts_;
  const Batch& batch_;
  at::Tensor image_states_, decoder_states_, target_logits_;
};

}  // namespace vlp
