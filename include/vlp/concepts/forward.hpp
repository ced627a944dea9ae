#pragma once
// Forward: one pass over one batch, lazily. Each part is computed once, when a loss first asks for
// it, however many ask. Letters: B pairs, N image tokens, T text tokens, D and Dt widths, E width
// of embeddings, M supervised positions, V vocabulary.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// What is known of a batch's images; a pass hands it to the next one over the same images with
/// other texts.
struct ImageFeatures {
  ImageMemory memory;              ///< states [B, N, D], and what texts have made of them
  at::Tensor embeddings;           ///< [B, E]
  at::Tensor momentum_embeddings;  ///< [B, E]
};

/// Cosine similarities divided by the temperature, float32 at least.
struct Similarities {
  at::Tensor image_to_text;  ///< [B, B], a row an image
  at::Tensor text_to_image;  ///< [B, B], a row a text
};

/// Where a pass stands that trains.
struct TrainingStep : SchedulePosition {
  /// Of this micro-batch alone: a function of seed, update and the number of the micro-batch among
  /// those of all processes, so that what is drawn depends neither on the number of processes nor
  /// on what was drawn before. Derive from it: `pass.training()->random.derive("itm")`.
  RandomStream random{0};
};

/// One pass over one batch. Not thread-safe; dies before its batch and its model.
class Forward {
 public:
  /// @param parts     of the model
  /// @param batch     on the model's device
  /// @param images    what is known of the images already
  /// @param training  where the run stands, if this pass trains; none = evaluation, which leaves no
  ///                  trace in any state
  Forward(const ModelParts& parts, const Batch& batch, ImageFeatures images = {},
          std::optional<TrainingStep> training = std::nullopt)
      : parts_(parts), batch_(batch), images_(std::move(images)), training_(training) {}

  /// The batch that is passed.
  [[nodiscard]] const Batch& batch() const { return batch_; }
  /// Where the run stands; none in evaluation.
  [[nodiscard]] const std::optional<TrainingStep>& training() const { return training_; }
  /// What has been computed of the images so far.
  [[nodiscard]] const ImageFeatures& images() const { return images_; }

  /// A part of the model, to be asked with what the pass has or the loss makes; what follows asks
  /// the parts that the core knows.
  /// @throws ContractError if the model doesn't serve it
  template <class P>
  [[nodiscard]] const ModelParts::Function<P>& get() const {
    return parts_.get<P>();
  }

  /// @return  [B, N, D] of the batch's images
  const at::Tensor& image_states() { return image_memory().states(); }
  /// The same with their keys and values, which all texts that look at them share.
  const ImageMemory& image_memory() {
    if (!images_.memory.defined()) images_.memory = parts_.call<ImageStates>(batch_.pixels);
    return images_.memory;
  }
  /// @return  [B, T, Dt] of the batch's texts, no image seen
  const at::Tensor& text_states() {
    return once(text_states_, [&] {
      return parts_.call<TextStates>(batch_.texts.token_ids, batch_.texts.token_mask);
    });
  }
  /// @return  [B, E] unit rows
  const at::Tensor& image_embeddings() {
    return once(images_.embeddings, [&] { return parts_.call<ImageEmbeddings>(image_states()); });
  }
  /// @return  [B, E] unit rows
  const at::Tensor& text_embeddings() {
    return once(text_embeddings_, [&] {
      return parts_.call<TextEmbeddings>(text_states(), batch_.texts.token_mask);
    });
  }
  /// Whether the model has momentum encoders.
  [[nodiscard]] bool has_momentum() const {
    return parts_.has<MomentumImageEmbeddings>() && parts_.has<MomentumTextEmbeddings>();
  }
  /// @return  [B, E] unit rows of the momentum encoder, no gradient
  const at::Tensor& momentum_image_embeddings() {
    return once(images_.momentum_embeddings,
                [&] { return parts_.call<MomentumImageEmbeddings>(batch_.pixels).detach(); });
  }
  /// @return  [B, E] unit rows of the momentum encoder, no gradient
  const at::Tensor& momentum_text_embeddings() {
    return once(momentum_text_embeddings_, [&] {
      return parts_.call<MomentumTextEmbeddings>(batch_.texts.token_ids, batch_.texts.token_mask)
          .detach();
    });
  }
  /// @return  scalar by which similarities are divided
  const at::Tensor& temperature() {
    return once(temperature_, [&] { return parts_.call<Temperature>(); });
  }
  /// Of the batch with itself: against the momentum encoders' embeddings where there are any, else
  /// against the model's own.
  const Similarities& similarities() {
    if (!similarities_.image_to_text.defined())
      similarities_ = has_momentum() ? momentum_similarities() : own_similarities();
    return similarities_;
  }
  /// Of the batch with itself, both sides by the model's own embeddings.
  const Similarities& own_similarities() {
    if (!own_similarities_.image_to_text.defined()) {
      own_similarities_.image_to_text = scaled_products(image_embeddings(), text_embeddings());
      own_similarities_.text_to_image = own_similarities_.image_to_text.t();
    }
    return own_similarities_;
  }
  /// a b^T / temperature in float32 at least, whatever the number format of the pass.
  /// @param a  [R, E]
  /// @param b  [C, E]
  /// @return   [R, C]
  [[nodiscard]] at::Tensor scaled_products(const at::Tensor& a, const at::Tensor& b) {
    const FullPrecision full_precision;
    return precise(a).matmul(precise(b).t()) / temperature();
  }

  /// @return  [B, T, Dt] of each text, cross-attending to its own image
  const at::Tensor& grounded_states() {
    return once(grounded_states_, [&] {
      return ground(batch_.texts.token_ids, batch_.texts.token_mask, image_memory());
    });
  }
  /// Further pairs, computed anew with each call.
  /// @param ids     [K, T] int64
  /// @param mask    [K, T] bool, true = token
  /// @param images  [K, N, D], or [1, N, D] for one image with all texts; of the batch's images
  ///                best a selection of `image_memory()`, whose keys and values are there already
  /// @return        [K, T, Dt]
  [[nodiscard]] at::Tensor ground(const at::Tensor& ids, const at::Tensor& mask,
                                  const ImageMemory& images) {
    return parts_.call<GroundedStates>(ids, mask, images);
  }
  /// @param grounded  [K, T, Dt]
  /// @return          [K, 2]: no match, match
  [[nodiscard]] at::Tensor match_logits(const at::Tensor& grounded) {
    return parts_.call<MatchLogits>(grounded);
  }

  /// @return  [B, T, Dt] of the batch's texts under teacher forcing
  const at::Tensor& decoder_states() {
    return once(decoder_states_, [&] {
      return parts_.call<DecoderStates>(batch_.texts.token_ids, batch_.texts.token_mask,
                                        image_memory());
    });
  }
  /// @return  [M, V] logits at the batch's supervised positions only
  const at::Tensor& target_logits() {
    return once(target_logits_,
                [&] { return logits_at(decoder_states(), batch_.texts.target_index); });
  }
  /// The same of the images' extra captions, over the image states that are there already.
  /// @param k  below `batch().extra_captions.size()`
  /// @return   [M, V] logits at their supervised positions only
  const at::Tensor& extra_logits(std::size_t k) {
    extra_logits_.resize(batch_.extra_captions.size());
    return once(extra_logits_.at(k), [&] {
      const Texts& texts = batch_.extra_captions[k];
      const ImageMemory& images = image_memory();
      return logits_at(parts_.call<DecoderStates>(
                           texts.token_ids, texts.token_mask,
                           texts.image_rows.defined() ? images.select(texts.image_rows) : images),
                       texts.target_index);
    });
  }

 private:
  template <class F>
  static const at::Tensor& once(at::Tensor& kept, F&& compute) {
    if (!kept.defined()) kept = compute();
    return kept;
  }
  [[nodiscard]] at::Tensor logits_at(const at::Tensor& states, const at::Tensor& index) const {
    return parts_.call<DecoderLogits>(states.flatten(0, 1).index_select(0, index));
  }
  Similarities momentum_similarities() {
    return {scaled_products(image_embeddings(), momentum_text_embeddings()),
            scaled_products(text_embeddings(), momentum_image_embeddings())};
  }

  const ModelParts& parts_;
  const Batch& batch_;
  ImageFeatures images_;
  std::optional<TrainingStep> training_;
  Similarities similarities_, own_similarities_;
  at::Tensor text_states_, text_embeddings_, momentum_text_embeddings_, temperature_,
      grounded_states_, decoder_states_, target_logits_;
  std::vector<at::Tensor> extra_logits_;
};

}  // namespace vlp
