#pragma once
// How BLIP's tensors belong together: its parts, its momentum encoders, what a source of weights
// may lack, and the head that is tied to the word embedding. Includes no torch.

#include <string>

#include "vlp/blip/config.hpp"
#include "vlp/blip/names.hpp"
#include "vlp/blip/temperature.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/model_layout.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/weights/tensor_parts.hpp"

namespace vlp {

/// Whether the head's matrix is the word embedding: transformers ties the two unless both are
/// stored and differ.
/// @param tensors     under Hugging Face's names
/// @param configured  whether config.json asks for one parameter; if not, two equal matrices stay
///                    two
[[nodiscard]] inline bool has_tied_embeddings(const TensorMap& tensors, bool configured = true) {
  const auto head = tensors.find(detail::kHead), words = tensors.find(detail::kWords);
  if (head == tensors.end() || words == tensors.end()) return true;
  return configured && same_values(head->second, words->second);
}

namespace detail {

/// predictions.bias and predictions.decoder.bias are one parameter; logits are computed with the
/// latter.
inline void settle_head_bias(TensorMap& tensors, const TensorShapes& model,
                             const std::string& source, const Console& console) {
  const auto copy = tensors.find(kHeadBiasCopy);
  if (!model.contains(kHeadBias) || copy == tensors.end()) return;
  if (const auto own = tensors.find(kHeadBias);
      own != tensors.end() && !same_values(own->second, copy->second))
    console.warning(source +
                    ": cls.predictions.bias and cls.predictions.decoder.bias differ; the latter "
                    "is used, as in transformers");
  tensors[kHeadBias] = copy->second;
  tensors.erase(copy);
}

inline void settle_head_matrix(TensorMap& tensors, const TensorShapes& model,
                               const std::string& source) {
  if (!model.contains(kWords)) return;
  const auto head = tensors.find(kHead), words = tensors.find(kWords);
  const bool tied = !model.contains(kHead);
  if (tied && !has_tied_embeddings(tensors))
    throw WeightsError(source +
                       ": the head's matrix and the word embedding differ, but the model ties "
                       "them (got two matrices, "
                       "expected one). Use --set model.decoder.tie_embeddings=false.");
  if (tied && head != tensors.end()) {
    if (words == tensors.end()) tensors[kWords] = head->second;
    tensors.erase(kHead);
  } else if (!tied && words != tensors.end() && head == tensors.end()) {
    tensors[kHead] = words->second;  // the head starts as the embedding
  } else if (!tied && words == tensors.end() && head != tensors.end()) {
    tensors[kWords] = head->second;
  }
}

}  // namespace detail

/// What a filler of weights must know of a BLIP.
[[nodiscard]] inline ModelLayout blip_layout() {
  constexpr std::int64_t marks = 2;  // [DEC] and [ENC], which BERT doesn't know
  ModelLayout layout{
      .parts = {{.name = "vision_model",
                 .table = "model.encoder",
                 .sources = {"encoder"},
                 .substitutes = {}},
                {.name = "text_encoder",
                 .table = "model.text_encoder",
                 .sources = {"text_encoder", "text"},
                 .substitutes = {{"text_decoder.bert", "text_encoder"}}},
                {.name = "text_decoder",
                 .table = "model.decoder",
                 .sources = {"decoder", "text"},
                 .substitutes = {{"text_encoder", "text_decoder.bert"}}}},
      .momentum = {},
      .groups = {{"crossattention", ".crossattention."}, {"cls", "text_decoder.cls."}},
      .rows = {{".position_embeddings.weight", /*words=*/false},
               {".word_embeddings.weight", /*words=*/true},
               {detail::kHead, /*words=*/true},
               {detail::kHeadBias, /*words=*/true},
               {detail::kHeadBiasCopy, /*words=*/true}},
      .new_words = marks,
      .grids = {{.name = detail::kPositions, .leading = 1}},
      .kept = {std::string(kTemperatureName)},
      .for_losses = {"image_queue", "text_queue", "idx_queue", "queue_ptr", "ptr_queue"},
      .owner = "text_decoder",
      .settle = [](TensorMap& tensors, const TensorShapes& model, const std::string& source,
                   const Console& console) {
        detail::settle_head_bias(tensors, model, source, console);
        detail::settle_head_matrix(tensors, model, source);
      }};
  for (const std::string_view part : kMomentumParts)
    layout.momentum.emplace(part, part.substr(0, part.size() - kMomentumEnding.size()));
  return layout;
}

}  // namespace vlp
