#pragma once
// BLIP's image-grounded text decoder (Li et al. 2022, section 3.1): a BERT with causal
// self-attention, cross-attention to the image in every layer, and a language-model head whose
// matrix is the word embedding.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/attention.hpp"
#include "vlp/nn/bert.hpp"
#include "vlp/nn/bert_layer.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/packed_linear.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Parameters are named as below `text_decoder` in Hugging Face's BLIP. Letters: B images, K beams
/// an image, T text tokens, N image tokens, D width, De the encoder's width, V vocabulary, H heads,
/// d = D / H.
class BertCrossAttentionImpl : public torch::nn::Module,
                               public Packable,
                               public InspectableText,
                               public TellsRoles {
 public:
  static constexpr std::string_view name = "bert_cross_attention";

  struct Options {
    TransformerSizes sizes;
    TextTransformerOptions text;
    bool tie_embeddings = true;
    double initializer_range = kInitialDeviation;

    static constexpr auto fields() {
      return std::tuple{
          group<&Options::sizes>(),
          group<&Options::text>(),
          field<&Options::tie_embeddings>("The head's matrix is the word embedding."),
          field<&Options::initializer_range>(kInitializerRangeDoc, above(0)),
      };
    }
  };

  /// Tokens of a text at most.
  [[nodiscard]] static std::int64_t longest_text(const Options& options) {
    return options.text.max_positions;
  }

  /// @throws RecipeError if the heads don't divide the width, or vocabulary or encoder width aren't
  /// known
  BertCrossAttentionImpl(const Options& options, const Facts& facts) : options_(options) {
    bert = register_module("bert", Bert(sizes_of(options, facts), kWhere));
    const std::int64_t vocabulary = bert->sizes().vocabulary, width = options.sizes.width;
    const auto predictions =
        register_module("cls", Group())->register_module("predictions", Group());
    const auto transform = predictions->register_module("transform", Group());
    head_dense = transform->register_module("dense", Linear(width, width));
    head_norm =
        transform->register_module("LayerNorm", LayerNorm(width, options.text.layer_norm_eps));
    head_bias = predictions->register_parameter("bias", at::zeros({vocabulary}));
    if (!options.tie_embeddings)
      head_weight = predictions->register_module("decoder", Group())
                        ->register_parameter("weight", initial_weights({vocabulary, width}));
    set_initial_deviation(*this, options.initializer_range);
  }

  /// Teacher forcing.
  /// @param ids     [B, T] int64, at most max_positions long
  /// @param mask    [B, T] bool, true = token, padding on the right; undefined = no padding
  /// @param images  [B, N, De]
  /// @return        [B, T, D]; padding gets states too, which nothing before it depends on
  [[nodiscard]] at::Tensor states(const at::Tensor& ids, const at::Tensor& mask,
                                  const ImageMemory& images) {
    const at::Tensor x = bert->embed(ids);
    return bert->run(x, mask_for(mask, x), images);
  }

  /// The head: dense, GELU, layer norm, and the product with every word's embedding.
  /// @param states  [..., D]
  /// @return        [..., V]
  [[nodiscard]] at::Tensor logits(const at::Tensor& states) {
    const at::Tensor x = head_norm(head_dense->gelu(states));
    return packed_head_ && !at::GradMode::is_enabled() ? packed_head_->forward(x)
                                                       : at::linear(x, head_matrix(), head_bias);
  }

  void pack(WeightForm form) override { packed_head_.emplace(head_matrix(), head_bias, form); }
  void unpack() override { packed_head_.reset(); }

  [[nodiscard]] Roles parameter_roles() const override {
    Roles roles{{head_dense->weight, ParameterRole::head}};
    if (head_weight.defined()) roles.emplace_back(head_weight, ParameterRole::head);
    return roles;
  }

  /// The embeddings and what each layer makes of them: depth + 1 tensors [B, T, D]; arguments as
  /// for `states`.
  [[nodiscard]] std::vector<at::Tensor> hidden_states(const at::Tensor& ids, const at::Tensor& mask,
                                                      const at::Tensor& image_states) override {
    const at::Tensor x = bert->embed(ids);
    return bert->run_showing_layers(x, mask_for(mask, x), image_states);
  }

  /// Where each token looks; arguments as for `states`. Computes every layer's attention a second
  /// time.
  [[nodiscard]] TextAttention attention_probabilities(const at::Tensor& ids, const at::Tensor& mask,
                                                      const at::Tensor& image_states) override {
    const at::Tensor x = bert->embed(ids);
    return bert->run_showing_attention(x, mask_for(mask, x), image_states);
  }

  /// An empty cache: a row's buffers are keys and values of each layer's self-attention, [B * K, H,
  /// L, d] with L = `longest`, written by position; an image's are those of its cross-attention,
  /// [B, H, N, d], computed here once for all beams and steps.
  /// @param image_states  [B, N, De]
  /// @param beams         K
  /// @param longest       of the texts, tokens
  /// @throws RecipeError if `longest` exceeds max_positions
  [[nodiscard]] DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                         std::int64_t longest) {
    if (longest > options_.text.max_positions)
      throw RecipeError(std::string(kWhere) + ": captions may not be so long (got " +
                        std::to_string(longest) + " tokens with the prompt, expected at most " +
                        std::to_string(options_.text.max_positions) +
                        ", the decoder's positions). Lower max_length or max_new_tokens.");
    DecodingCache cache;
    cache.beams = beams;
    for (BertLayer& layer : bert->layers) {
      cache.per_image.push_back(layer->crossattention->keys(image_states).contiguous());
      cache.per_image.push_back(layer->crossattention->values(image_states).contiguous());
      const at::Tensor& like = cache.per_image.back();
      const std::vector<std::int64_t> shape{image_states.size(0) * beams, like.size(1), longest,
                                            like.size(3)};
      for (int i = 0; i < 2; ++i) cache.per_row.push_back(at::empty(shape, like.options()));
    }
    return cache;
  }

  /// Feeds the next tokens. The beams of an image are further query rows against its one set of
  /// keys and values.
  /// @param ids    [B * K, t] int64, at positions cache.length..
  /// @param cache  made by `make_cache`; grows by t
  /// @return       [B * K, V] logits behind the last of them
  /// @throws ShapeError if the cache is too short
  [[nodiscard]] at::Tensor step(const at::Tensor& ids, DecodingCache& cache) {
    const std::int64_t rows = ids.size(0), fresh = ids.size(1), past = cache.length,
                       now = past + fresh;
    if (now > cache.per_row.at(0).size(2))
      throw ShapeError(std::string(kWhere) + ": the cache is full (got " + std::to_string(now) +
                       " tokens, expected at most " + std::to_string(cache.per_row[0].size(2)) +
                       "). Make it longer.");
    at::Tensor x = bert->embed(ids, past);
    const AttentionMask visible = continuation_mask(fresh, past, x.options());
    for (std::size_t i = 0; i < bert->layers.size(); ++i) {
      BertLayer& layer = bert->layers[i];
      BertAttentionImpl &self = *layer->attention, &cross = *layer->crossattention;
      at::Tensor &keys = cache.per_row[2 * i], &values = cache.per_row[2 * i + 1];
      keys.narrow(2, past, fresh).copy_(self.keys(x));
      values.narrow(2, past, fresh).copy_(self.values(x));
      x = self.output(
          attend(self.queries(x), keys.narrow(2, 0, now), values.narrow(2, 0, now), visible), x);

      const at::Tensor queries =
          cross.queries(x.view({rows / cache.beams, cache.beams * fresh, -1}));
      x = cross.output(attend(queries, cache.per_image[2 * i], cache.per_image[2 * i + 1])
                           .view({rows, fresh, -1}),
                       x);
      x = layer->feed_forward(x);
    }
    cache.length = now;
    return logits(x.select(1, fresh - 1));
  }

  Bert bert{nullptr};
  Linear head_dense{nullptr};
  LayerNorm head_norm{nullptr};
  at::Tensor head_weight, head_bias;  ///< [V, D], undefined if tied; [V]

 private:
  static constexpr const char* kWhere = "decoder 'bert_cross_attention'";

  static BertSizes sizes_of(const Options& options, const Facts& facts) {
    if (facts.dimensions.encoder_width <= 0)
      throw RecipeError(std::string(kWhere) +
                        ": the encoder's width isn't known (got 0). Build the encoder first.");
    return bert_sizes(options.sizes, options.text, facts.dimensions.encoder_width, facts);
  }

  static AttentionMask mask_for(const at::Tensor& mask, const at::Tensor& x) {
    return mask.defined() ? causal_padding_mask(mask, x.scalar_type())
                          : AttentionMask{std::nullopt, true};
  }

  [[nodiscard]] const at::Tensor& head_matrix() const {
    return options_.tie_embeddings ? bert->embeddings->word_embeddings->weight : head_weight;
  }

  Options options_;
  std::optional<PackedLinear> packed_head_;
};
TORCH_MODULE(BertCrossAttention);
static_assert(Decoder<BertCrossAttention>);

}  // namespace vlp

VLP_PLUGIN(bert_cross_attention, "1.0", vlp::BertCrossAttention);
