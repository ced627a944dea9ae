#pragma once
// What a trace shows of the parts that compare images with texts: projections, embeddings and
// similarities, the text encoder that cross-attends to an image, the matching head, and both losses
// with their gradients. Letters: B images, M texts, T text tokens, H heads, N image tokens, E width
// of embeddings, Dt text width.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/trace/inputs.hpp"
#include "vlp/trace/record.hpp"

namespace vlp {

/// Adds the numbers of a text encoder to a record, for what the inputs hold.
class RetrievalTrace {
 public:
  /// Divides similarities in the traced contrastive loss, whatever the model's own temperature:
  /// transformers' model has none.
  static constexpr double kTemperature = 0.07;

  /// @param model       outlives this
  /// @param inputs      outlive this
  /// @param record      gets the tensors; outlives this
  RetrievalTrace(AnyModel& model, const TraceInputs& inputs, TraceRecord& record)
      : model_(model), parts_(model.parts()), inputs_(inputs), record_(record) {}

  /// Traces everything. Names of a captioner's trace (self_attention.l, cross_attention.l,
  /// grad.NAME) have `itm_` in front of them if the model is a captioner too.
  /// @param image  [B, N, D], the states of the images
  void trace(const at::Tensor& image) {
    {
      const at::NoGradGuard no_grad;
      trace_images(image);
      if (grounds()) trace_matching(image);
      if (all_ids().defined()) trace_texts(image);
    }
    if (grounds() && inputs_.itm_labels.defined()) {
      record_.put("itm_loss", record_.backward([this] { return matching_loss(); }));
      record_.put_gradients(prefix() + "grad.");
    }
    if (compares() && all_ids().defined() && all_ids().size(0) >= inputs_.pixel_values.size(0)) {
      record_.put("itc_loss", record_.backward([this] { return contrastive_loss(); }));
      record_.put_gradients("grad_itc.");
    }
  }

 private:
  static constexpr std::int64_t kShortText =
      4;  // tokens of the texts that are traced without a mask

  [[nodiscard]] bool grounds() const {
    return parts_.has<GroundedStates>() && parts_.has<MatchLogits>() && inputs_.input_ids.defined();
  }
  [[nodiscard]] bool compares() const {
    return parts_.has<ImageEmbeddings>() && parts_.has<TextEmbeddings>();
  }
  [[nodiscard]] std::string prefix() const { return parts_.has<DecoderLogits>() ? "itm_" : ""; }
  /// The texts that all images are compared with: those of the images where no others are given.
  [[nodiscard]] const at::Tensor& all_ids() const {
    return inputs_.all_input_ids.defined() ? inputs_.all_input_ids : inputs_.input_ids;
  }
  [[nodiscard]] const at::Tensor& all_masks() const {
    return inputs_.all_input_ids.defined() ? inputs_.all_attention_mask : inputs_.attention_mask;
  }

  /// Only what the model shows.
  [[nodiscard]] InspectableModel* shown() const {
    return dynamic_cast<InspectableModel*>(model_.ptr().get());
  }
  void put_if_defined(const std::string& name, const at::Tensor& projected) {
    if (projected.defined()) record_.put(name, projected);
  }

  void trace_images(const at::Tensor& image) {
    if (!compares()) return;
    if (InspectableModel* inside = shown())
      put_if_defined("image_projected",
                     named(model_.shown(), [&] { return inside->projected_images(image); }));
    record_.put("image_features", parts_.call<ImageEmbeddings>(image));
  }

  void trace_texts(const at::Tensor& image) {
    const at::Tensor states = parts_.call<TextStates>(all_ids(), all_masks());
    record_.put("itc_question_embeds", states);
    if (!compares()) return;
    if (InspectableModel* inside = shown())
      put_if_defined("text_projected", named(model_.shown(), [&] {
                       return inside->projected_texts(states, all_masks());
                     }));
    const at::Tensor texts = parts_.call<TextEmbeddings>(states, all_masks());
    record_.put("text_features", texts);
    record_.put("itc_similarity", parts_.call<ImageEmbeddings>(image).matmul(texts.t()));
  }

  void put_match(const std::string& suffix, const at::Tensor& ids, const at::Tensor& mask,
                 const at::Tensor& image) {
    const at::Tensor states = parts_.call<GroundedStates>(ids, mask, image);
    record_.put("itm_logits" + suffix, parts_.call<MatchLogits>(states));
    if (suffix != "_first4_no_mask") record_.put("itm_question_embeds" + suffix, states);
  }

  void trace_matching(const at::Tensor& image) {
    const at::Tensor &ids = inputs_.input_ids, &mask = inputs_.attention_mask;
    put_match("", ids, mask, image);
    if (inputs_.input_ids_enc.defined()) put_match("_enc", inputs_.input_ids_enc, mask, image);
    if (ids.size(1) >= kShortText) {
      const at::Tensor start = ids.narrow(1, 0, kShortText);
      put_match("_first4_no_mask", start, at::ones_like(start, at::kBool), image);
    }
    if (InspectableText* encoder = find_text_part(model_, TextPart::encoder)) {
      at::Tensor marked = ids.clone();
      InspectableModel* const inside = shown();
      const auto mark =
          inside ? named(model_.shown(), [&] { return inside->grounded_mark(); }) : std::nullopt;
      if (mark) marked.select(1, 0).fill_(*mark);
      const TextAttention attention = named(
          model_.shown(), [&] { return encoder->attention_probabilities(marked, mask, image); });
      record_.put(prefix() + "self_attention", attention.self);
      record_.put(prefix() + "cross_attention", attention.cross);
    }
  }

  /// @return  the mean cross-entropy of the matching head
  [[nodiscard]] at::Tensor matching_loss() const {
    const at::Tensor image = parts_.call<ImageStates>(inputs_.pixel_values);
    const at::Tensor logits = parts_.call<MatchLogits>(
        parts_.call<GroundedStates>(inputs_.input_ids, inputs_.attention_mask, image));
    return at::cross_entropy_loss(logits, inputs_.itm_labels);
  }

  /// @return  the mean of both directions' cross-entropy: each image among all texts, and each of
  ///          the first B texts among the images, the pairs being those of one row
  [[nodiscard]] at::Tensor contrastive_loss() const {
    const at::Tensor images =
        parts_.call<ImageEmbeddings>(parts_.call<ImageStates>(inputs_.pixel_values));
    const at::Tensor scaled =
        images.matmul(
            parts_
                .call<TextEmbeddings>(parts_.call<TextStates>(all_ids(), all_masks()), all_masks())
                .t()) /
        kTemperature;
    const std::int64_t pairs = scaled.size(0);
    const at::Tensor own = at::arange(pairs, scaled.options().dtype(at::kLong));
    return (at::cross_entropy_loss(scaled, own) +
            at::cross_entropy_loss(scaled.narrow(1, 0, pairs).t(), own)) /
           2;
  }

  AnyModel& model_;
  const ModelParts& parts_;
  const TraceInputs& inputs_;
  TraceRecord& record_;
};

}  // namespace vlp
