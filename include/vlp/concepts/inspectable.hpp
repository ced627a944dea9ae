#pragma once
// What models, encoders, text encoders and decoders show of their inside, so that a trace can be
// compared with another implementation's. A module takes part by deriving from one of these; a
// model that has one part of a sort needn't do anything.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

namespace vlp {

/// Attention of a text encoder, or of a decoder under teacher forcing, per layer. Letters: B texts,
/// H heads, T text tokens, N image tokens.
struct TextAttention {
  std::vector<at::Tensor> self;   ///< [B, H, T, T], 0 where masked
  std::vector<at::Tensor> cross;  ///< [B, H, T, N]; empty where no image is seen
};

/// An image encoder that shows its inside. Letters: B images, N image tokens, D width.
class InspectableEncoder {
 public:
  virtual ~InspectableEncoder() = default;
  /// @param pixels  [B, 3, H, W]
  /// @return        the embeddings and what each layer makes of them: depth + 1 tensors [B, N, D]
  [[nodiscard]] virtual std::vector<at::Tensor> hidden_states(const at::Tensor& pixels) = 0;
  /// @param states  [B, N, D], what the encoder returns
  /// @return        [B, D], one vector an image, or an undefined tensor if it has none
  [[nodiscard]] virtual at::Tensor pooled(const at::Tensor& states) = 0;
};

/// A text encoder or decoder that shows its inside. Arguments: ids [B, T] int64, mask [B, T] bool
/// (true = token), image states [B, N, De]; undefined image states mean that no image is seen,
/// which only an encoder allows.
class InspectableText {
 public:
  virtual ~InspectableText() = default;
  /// @return  the embeddings and what each layer makes of them: depth + 1 tensors [B, T, D]
  [[nodiscard]] virtual std::vector<at::Tensor> hidden_states(const at::Tensor& ids,
                                                              const at::Tensor& mask,
                                                              const at::Tensor& image_states) = 0;
  /// @return  where each token looks
  [[nodiscard]] virtual TextAttention attention_probabilities(const at::Tensor& ids,
                                                              const at::Tensor& mask,
                                                              const at::Tensor& image_states) = 0;
};

/// A model that shows what it does between its parts. What it says is looked for in others: a text
/// encoder or a decoder is found if there is but one, and there are no projections and no mark.
class InspectableModel {
 public:
  virtual ~InspectableModel() = default;
  /// @return  its text encoder's inside; null if it has none that shows it
  [[nodiscard]] virtual InspectableText* shown_text_encoder() = 0;
  /// @return  its decoder's inside; null if it has none that shows it
  [[nodiscard]] virtual InspectableText* shown_decoder() = 0;
  /// @return  the id that `grounded_states` sets at position 0; none = ids stay as they come
  [[nodiscard]] virtual std::optional<std::int64_t> grounded_mark() const = 0;
  /// @param states  [B, N, D] of images
  /// @return        [B, E], before it is made a unit vector; undefined if there is no such layer
  [[nodiscard]] virtual at::Tensor projected_images(const at::Tensor& states) = 0;
  /// @param states  [B, T, Dt] of texts that see no image
  /// @param mask    [B, T] bool, true = token
  /// @return        [B, E], before it is made a unit vector; undefined if there is no such layer
  [[nodiscard]] virtual at::Tensor projected_texts(const at::Tensor& states,
                                                   const at::Tensor& mask) = 0;
};

/// The first part of a module, in the order of registration, that is an `Inspectable`; null if none
/// is. It lives as long as the module.
template <class Inspectable>
[[nodiscard]] Inspectable* find_inspectable(torch::nn::Module& module) {
  for (const std::shared_ptr<torch::nn::Module>& part : module.modules(/*include_self=*/false))
    if (auto* found = dynamic_cast<Inspectable*>(part.get())) return found;
  return nullptr;
}

}  // namespace vlp
