#pragma once
// One post-norm layer of a BERT text transformer, with or without cross-attention to an image
// (Devlin et al. 2019; Li et al. 2022, figure 2), parameters named as Hugging Face's BLIP names
// them. Letters: B texts, I images, T text tokens, N image tokens, H heads.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/image_memory.hpp"
#include "vlp/nn/attention.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/recompute.hpp"

namespace vlp {

/// Sizes of a text layer.
struct BertLayerSizes {
  std::int64_t width = 768;  ///< D
  std::int64_t image_width =
      768;  ///< of the image states that it attends to; 0 = it has no cross-attention
  std::int64_t heads = 12;     ///< H; divides the width
  std::int64_t hidden = 3072;  ///< width inside the feed-forward part
  double dropout = 0;          ///< of attention probabilities and of every branch, while training
  double eps = 1e-12;          ///< of the layer norms
};

/// norm(dropout(dense(x)) + residual): how every branch of a BERT layer ends.
class BertOutputImpl : public torch::nn::Module {
 public:
  /// `in` is the width that comes from the branch.
  BertOutputImpl(std::int64_t in, const BertLayerSizes& sizes)
      : dense(register_module("dense", Linear(in, sizes.width))),
        norm(register_module("LayerNorm", LayerNorm(sizes.width, sizes.eps))),
        dropout_(sizes.dropout) {}

  /// @param x         [B, T, in]
  /// @param residual  [B, T, D]
  [[nodiscard]] at::Tensor forward(const at::Tensor& x, const at::Tensor& residual) {
    if (dropout_ > 0 && is_training())
      return norm(add_residual(at::dropout(dense(x), dropout_, true), residual));
    return norm(dense->plus(x, residual));
  }

  Linear dense;
  LayerNorm norm;

 private:
  double dropout_;
};
TORCH_MODULE(BertOutput);

/// Attention with separate projections `self.{query,key,value}`, and its `output`.
class BertAttentionImpl : public torch::nn::Module {
 public:
  /// @param source_width  of what is attended to
  /// @param sizes         of the layer that it belongs to
  BertAttentionImpl(std::int64_t source_width, const BertLayerSizes& sizes)
      : heads_(sizes.heads), dropout_(sizes.dropout) {
    const auto projections = register_module("self", Group());
    query = projections->register_module("query", Linear(sizes.width, sizes.width));
    key = projections->register_module("key", Linear(source_width, sizes.width));
    value = projections->register_module("value", Linear(source_width, sizes.width));
    output = register_module("output", BertOutput(sizes.width, sizes));
  }

  /// @param x  [B, T, D]
  /// @return   [B, H, T, d], as `keys` and `values` of a source [B, S, De]
  [[nodiscard]] at::Tensor queries(const at::Tensor& x) { return split_heads(query(x), heads_); }
  /// [B, S, De] -> [B, H, S, d]
  [[nodiscard]] at::Tensor keys(const at::Tensor& source) {
    return split_heads(key(source), heads_);
  }
  /// [B, S, De] -> [B, H, S, d]
  [[nodiscard]] at::Tensor values(const at::Tensor& source) {
    return split_heads(value(source), heads_);
  }

  /// @param x       [B, T, D]
  /// @param source  [B, S, De]; x itself for self-attention
  /// @param mask    which source states a query sees
  [[nodiscard]] at::Tensor forward(const at::Tensor& x, const at::Tensor& source,
                                   const AttentionMask& mask = {}) {
    return attended(x, queries(x), keys(source), values(source), mask);
  }
  /// Keys and values of images, made once for all passes over them.
  [[nodiscard]] KeysAndValues look_at(const ImageMemory& images) {
    return images.keys_and_values(
        this, [&](const at::Tensor& states) { return KeysAndValues{key(states), value(states)}; });
  }
  /// Attention to images. The texts of one image are further queries to its one set of keys and
  /// values.
  /// @param x      [B, T, D]
  /// @param image  of I images, where I divides B: texts 0 to B / I - 1 look at the first image,
  ///               and so on
  /// @return       [B, T, D]
  [[nodiscard]] at::Tensor cross_attend(const at::Tensor& x, const KeysAndValues& image) {
    const at::Tensor grouped = x.reshape({image.keys.size(0), -1, x.size(2)});
    return attended(grouped, queries(grouped), split_heads(image.keys, heads_),
                    split_heads(image.values, heads_), {})
        .view_as(x);
  }
  /// The probabilities of `forward` without dropout, [B, H, T, S].
  [[nodiscard]] at::Tensor probabilities(const at::Tensor& x, const at::Tensor& source,
                                         const AttentionMask& mask = {}) {
    return attention_probabilities(queries(x), keys(source), mask);
  }

  Linear query{nullptr}, key{nullptr}, value{nullptr};
  BertOutput output{nullptr};

 private:
  /// What x becomes, given its queries and the source's keys and values, each split into heads.
  at::Tensor attended(const at::Tensor& x, const at::Tensor& q, const at::Tensor& k,
                      const at::Tensor& v, const AttentionMask& mask) {
    return output(attend(q, k, v, mask, is_training() ? dropout_ : 0), x);
  }

  std::int64_t heads_;
  double dropout_;
};
TORCH_MODULE(BertAttention);

/// Self-attention, cross-attention to the image, feed-forward with exact GELU; a layer norm after
/// each.
class BertLayerImpl : public torch::nn::Module, public Recomputable {
 public:
  /// Random weights.
  explicit BertLayerImpl(const BertLayerSizes& sizes)
      : attention(register_module("attention", BertAttention(sizes.width, sizes))) {
    if (sizes.image_width > 0)
      crossattention = register_module("crossattention", BertAttention(sizes.image_width, sizes));
    intermediate_ = register_module("intermediate", Group());
    intermediate = intermediate_->register_module("dense", Linear(sizes.width, sizes.hidden));
    output = register_module("output", BertOutput(sizes.hidden, sizes));
  }

  /// @param x       [B, T, D]
  /// @param images  as for the attention's `cross_attend`; undefined: no image is seen
  /// @param mask    of the self-attention; the image is seen as a whole
  [[nodiscard]] at::Tensor forward(const at::Tensor& x, const ImageMemory& images,
                                   const AttentionMask& mask) {
    const KeysAndValues image =
        images.defined() ? crossattention->look_at(images) : KeysAndValues{};
    if (!recomputes()) return computed(x, image, mask);
    std::vector<at::Tensor> arguments{x};
    if (images.defined()) arguments.insert(arguments.end(), {image.keys, image.values});
    return recomputed(*this, std::move(arguments), [this, mask](at::TensorList given) {
      return computed(given[0],
                      given.size() > 1 ? KeysAndValues{given[1], given[2]} : KeysAndValues{}, mask);
    });
  }
  /// The last third of the layer.
  [[nodiscard]] at::Tensor feed_forward(const at::Tensor& x) {
    return output(intermediate->gelu(x), x);
  }

  /// Takes the parts of another layer of the same sizes in place of its own: one module, held by
  /// both.
  /// @param owner           keeps its values
  /// @param self_attention  whether that is shared too
  void share(BertLayerImpl& owner, bool self_attention) {
    if (self_attention) attention = replace_module("attention", owner.attention);
    if (!crossattention.is_empty() && !owner.crossattention.is_empty())
      crossattention = replace_module("crossattention", owner.crossattention);
    intermediate_ = replace_module("intermediate", owner.intermediate_);
    intermediate = owner.intermediate;
    output = replace_module("output", owner.output);
  }

  BertAttention attention{nullptr}, crossattention{nullptr};
  Linear intermediate{nullptr};
  BertOutput output{nullptr};

 private:
  at::Tensor computed(const at::Tensor& x, const KeysAndValues& image, const AttentionMask& mask) {
    const at::Tensor attended = attention(x, x, mask);
    return feed_forward(image.keys.defined() ? crossattention->cross_attend(attended, image)
                                             : attended);
  }

  Group intermediate_{nullptr};
};
TORCH_MODULE(BertLayer);

}  // namespace vlp
