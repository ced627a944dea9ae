#pragma once
// A BERT text transformer as BLIP uses it (Devlin et al. 2019; Li et al. 2022, section 3.1): word
// and position embeddings, no token types, no pooler. A text encoder and a decoder are made of it,
// and may hold most of its modules in common. Letters: B texts, T text tokens, N image tokens, D
// width, De the image's width.

#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/attention.hpp"
#include "vlp/nn/bert_layer.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/transformer_options.hpp"

namespace vlp {

/// Sizes of a text transformer.
struct BertSizes {
  BertLayerSizes layer;              ///< of each layer
  std::int64_t depth = 12;           ///< layers
  std::int64_t vocabulary = 0;       ///< words
  std::int64_t max_positions = 512;  ///< tokens of the longest text
  std::int64_t padding = -1;         ///< the word whose embedding receives no gradient, -1 = none
};

/// @param sizes        as a recipe has them
/// @param text         as a recipe has it
/// @param image_width  De, 0 = no cross-attention
/// @param facts        knows the tokenizer's vocabulary and its [PAD]
[[nodiscard]] inline BertSizes bert_sizes(const TransformerSizes& sizes,
                                          const TextTransformerOptions& text,
                                          std::int64_t image_width, const Facts& facts) {
  return {.layer = {.width = sizes.width,
                    .image_width = image_width,
                    .heads = sizes.heads,
                    .hidden = sizes.hidden(),
                    .dropout = text.dropout,
                    .eps = text.layer_norm_eps},
          .depth = sizes.depth,
          .vocabulary =
              text.vocabulary_size > 0 ? text.vocabulary_size : facts.dimensions.vocabulary_size,
          .max_positions = text.max_positions,
          .padding = facts.tokens.pad};
}

/// Which weights a text encoder and a decoder have in common (Li et al. 2022, section 3.1 and table
/// 3).
enum class Sharing {
  all_but_self_attention,  ///< embeddings, cross-attention, feed-forward parts and the norms behind
                           ///< these: BLIP's choice
  all,                     ///< every layer and the embeddings
  nothing,                 ///< each has its own
};

/// Sum of word and position embeddings, under a layer norm.
class BertEmbeddingsImpl : public torch::nn::Module {
 public:
  /// Random rows.
  explicit BertEmbeddingsImpl(const BertSizes& sizes)
      : word_embeddings(register_module(
            "word_embeddings", Embedding(sizes.vocabulary, sizes.layer.width, sizes.padding))),
        position_embeddings(register_module("position_embeddings",
                                            Embedding(sizes.max_positions, sizes.layer.width))),
        norm(register_module("LayerNorm", LayerNorm(sizes.layer.width, sizes.layer.eps))),
        dropout_(sizes.layer.dropout) {}

  /// @param ids             [B, T] int64
  /// @param first_position  of the first of them
  /// @return                [B, T, D]
  [[nodiscard]] at::Tensor forward(const at::Tensor& ids, std::int64_t first_position) {
    const at::Tensor x = norm(add_residual(
        word_embeddings(ids), position_embeddings->weight.narrow(0, first_position, ids.size(1))));
    return dropout_ > 0 && is_training() ? at::dropout(x, dropout_, true) : x;
  }

  Embedding word_embeddings{nullptr}, position_embeddings{nullptr};
  LayerNorm norm{nullptr};

 private:
  double dropout_;
};
TORCH_MODULE(BertEmbeddings);

/// Embeddings and layers; what a token sees of its text is the caller's mask.
class BertImpl : public torch::nn::Module {
 public:
  /// @param sizes  hidden = 0 is four times the width
  /// @param where  how messages call the component, e.g. "decoder 'bert_cross_attention'"
  /// @throws RecipeError if the heads don't divide the width, or no vocabulary is known
  BertImpl(BertSizes sizes, std::string where)
      : sizes_(std::move(sizes)), where_(std::move(where)) {
    BertLayerSizes& layer = sizes_.layer;
    if (sizes_.vocabulary <= 0)
      throw RecipeError(where_ +
                        ": the vocabulary's size isn't known (got 0). Set vocabulary_size or "
                        "choose a tokenizer.");
    if (const std::string problem = heads_problem(layer.heads, layer.width); !problem.empty())
      throw RecipeError(where_ + ": " + problem + ". Choose heads that divide it.");
    if (layer.hidden == 0) layer.hidden = 4 * layer.width;
    embeddings = register_module("embeddings", BertEmbeddings(sizes_));
    const auto list = register_module("encoder", Group())->register_module("layer", Group());
    for (std::int64_t i = 0; i < sizes_.depth; ++i)
      layers.push_back(list->register_module(std::to_string(i), BertLayer(layer)));
  }

  /// @param ids             [B, T] int64
  /// @param first_position  of the first of them
  /// @return                [B, T, D]
  /// @throws ShapeError if the text is longer than max_positions
  [[nodiscard]] at::Tensor embed(const at::Tensor& ids, std::int64_t first_position = 0) {
    if (const std::int64_t length = first_position + ids.size(1); length > sizes_.max_positions)
      throw ShapeError(where_ + ": the text is too long (got " + std::to_string(length) +
                       " tokens, expected at most " + std::to_string(sizes_.max_positions) +
                       "). Shorten it or raise max_positions.");
    return embeddings(ids, first_position);
  }

  /// All layers.
  /// @param x        [B, T, D], what `embed` returns
  /// @param visible  what each token sees of its text
  /// @param images   of the B texts, one for all texts, or undefined: no image is seen
  /// @return         [B, T, D]
  [[nodiscard]] at::Tensor run(at::Tensor x, const AttentionMask& visible,
                               const ImageMemory& images) {
    for (BertLayer& layer : layers) x = layer(x, images, visible);
    return x;
  }
  /// The argument and what each layer makes of it: depth + 1 tensors [B, T, D]; arguments as for
  /// `run`.
  [[nodiscard]] std::vector<at::Tensor> run_showing_layers(const at::Tensor& x,
                                                           const AttentionMask& visible,
                                                           const at::Tensor& image_states) {
    std::vector<at::Tensor> hidden{x};
    for (BertLayer& layer : layers) hidden.push_back(layer(hidden.back(), image_states, visible));
    return hidden;
  }
  /// Where each token looks; arguments as for `run`, but image states of every text. Computes every
  /// layer's attention twice.
  [[nodiscard]] TextAttention run_showing_attention(const at::Tensor& x,
                                                    const AttentionMask& visible,
                                                    const at::Tensor& image_states) {
    const std::vector<at::Tensor> hidden = run_showing_layers(x, visible, image_states);
    TextAttention shown;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      BertAttention& self = layers[i]->attention;
      shown.self.push_back(self->probabilities(hidden[i], hidden[i], visible));
      if (image_states.defined())
        shown.cross.push_back(layers[i]->crossattention->probabilities(
            self(hidden[i], hidden[i], visible), image_states));
    }
    return shown;
  }

  /// Takes another transformer's modules in place of its own, so that both hold the same: gradients
  /// add up, and an optimizer, a device and a file see one parameter under two names.
  /// @param owner    keeps its values
  /// @param sharing  what is shared; cross-attention where both have it
  /// @throws RecipeError if the sizes differ
  void share(BertImpl& owner, Sharing sharing) {
    if (sharing == Sharing::nothing) return;
    require_equal_sizes(owner);
    embeddings = replace_module("embeddings", owner.embeddings);
    for (std::size_t i = 0; i < layers.size(); ++i)
      layers[i]->share(*owner.layers[i], sharing == Sharing::all);
  }

  /// As they were given, but for hidden = 0.
  [[nodiscard]] const BertSizes& sizes() const { return sizes_; }

  BertEmbeddings embeddings{nullptr};
  std::vector<BertLayer> layers;

 private:
  void require_equal_sizes(const BertImpl& owner) const {
    const auto require = [&](const char* what, auto own, auto theirs) {
      if (own == theirs) return;
      std::ostringstream text;
      text << where_ << ": it can't share weights with " << owner.where_ << ", their " << what
           << " differs (got " << own << ", expected " << theirs
           << "). Make them equal, or set sharing = \"nothing\".";
      throw RecipeError(text.str());
    };
    const BertLayerSizes &own = sizes_.layer, &theirs = owner.sizes_.layer;
    require("depth", sizes_.depth, owner.sizes_.depth);
    require("width", own.width, theirs.width);
    require("heads", own.heads, theirs.heads);
    require("mlp", own.hidden, theirs.hidden);
    require("max_positions", sizes_.max_positions, owner.sizes_.max_positions);
    require("vocabulary_size", sizes_.vocabulary, owner.sizes_.vocabulary);
    require("dropout", own.dropout, theirs.dropout);
    require("layer_norm_eps", own.eps, theirs.eps);
  }

  BertSizes sizes_;
  std::string where_;
};
TORCH_MODULE(Bert);

/// The first text transformer in a module, itself included; null if there is none. It lives as long
/// as the module.
[[nodiscard]] inline BertImpl* find_bert(torch::nn::Module& module) {
  for (const std::shared_ptr<torch::nn::Module>& part : module.modules())
    if (auto* bert = dynamic_cast<BertImpl*>(part.get())) return bert;
  return nullptr;
}

}  // namespace vlp
