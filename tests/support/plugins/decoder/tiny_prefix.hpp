#pragma once
// A stranger's decoder, after GIT (Wang et al. 2022, section 3.1): image states are the beginning
// of the sequence that a causal transformer reads. They see each other, words see them and the
// words before; there is no cross-attention. Letters: B images, K beams an image, T text tokens, N
// image tokens, D width of both, H heads, d = D / H, V vocabulary.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/attention.hpp"
#include "vlp/nn/bert_layer.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace tiny_git {

/// As wide as the image states that it is given.
class PrefixDecoderImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "tiny_prefix";

  struct Options {
    std::int64_t depth = 1;
    std::int64_t heads = 2;
    std::int64_t max_positions = 16;
    std::int64_t vocabulary_size = 0;

    static constexpr auto fields() {
      return std::tuple{
          vlp::field<&Options::depth>("Layers.", vlp::at_least(1)),
          vlp::field<&Options::heads>("Of each attention.", vlp::at_least(1)),
          vlp::field<&Options::max_positions>("Tokens of a text.", vlp::at_least(2)),
          vlp::field<&Options::vocabulary_size>("Words; 0 = the tokenizer's.", vlp::at_least(0))};
    }
  };

  [[nodiscard]] static std::int64_t longest_text(const Options& options) {
    return options.max_positions;
  }

  /// @throws RecipeError if the width or the vocabulary isn't known, or heads don't divide it
  PrefixDecoderImpl(const Options& options, const vlp::Facts& facts) : options_(options) {
    const std::int64_t width = facts.dimensions.encoder_width;
    const std::int64_t vocabulary =
        options.vocabulary_size > 0 ? options.vocabulary_size : facts.dimensions.vocabulary_size;
    if (width <= 0 || vocabulary <= 0 || width % options.heads != 0)
      throw vlp::RecipeError("decoder 'tiny_prefix': sizes don't fit (got image states of width " +
                             std::to_string(width) + ", " + std::to_string(vocabulary) +
                             " words and " + std::to_string(options.heads) +
                             " heads, expected heads that divide the width). Change them.");
    words = register_module("words", vlp::Embedding(vocabulary, width));
    positions =
        register_parameter("positions", vlp::initial_weights({options.max_positions, width}));
    const auto list = register_module("layers", vlp::Group());
    for (std::int64_t i = 0; i < options.depth; ++i)
      layers.push_back(list->register_module(
          std::to_string(i),
          vlp::BertLayer(vlp::BertLayerSizes{
              .width = width, .image_width = 0, .heads = options.heads, .hidden = 2 * width})));
    output = register_module("output", vlp::Linear(width, vocabulary));
  }

  /// Padding stands on the right, where no word before it looks.
  /// @param ids     [B, T] int64
  /// @param images  [B, N, D]
  /// @return        [B, T, D]
  [[nodiscard]] at::Tensor states(const at::Tensor& ids, const at::Tensor& /*mask*/,
                                  const vlp::ImageMemory& images) {
    vlp::DecodingCache cache = make_cache(images.states(), 1, ids.size(1));
    return feed(ids, cache);
  }
  /// [..., D] -> [..., V]
  [[nodiscard]] at::Tensor logits(const at::Tensor& states) { return output(states); }

  /// An image's tensors are keys and values of its states in each layer, [B, H, N, d], a row's
  /// those of its words, [B * K, H, T, d].
  /// @throws RecipeError if `longest` exceeds max_positions
  [[nodiscard]] vlp::DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                              std::int64_t longest) {
    if (longest > options_.max_positions)
      throw vlp::RecipeError("decoder 'tiny_prefix': texts may not be so long (got " +
                             std::to_string(longest) + " tokens, expected at most " +
                             std::to_string(options_.max_positions) + "). Shorten them.");
    vlp::DecodingCache cache;
    cache.beams = beams;
    at::Tensor x = image_states;
    for (vlp::BertLayer& layer : layers) {
      vlp::BertAttentionImpl& attention = *layer->attention;
      const at::Tensor keys = attention.keys(x), values = attention.values(x);
      const at::Tensor none =
          at::empty({keys.size(0) * beams, keys.size(1), 0, keys.size(3)}, keys.options());
      x = layer->feed_forward(attention.output(vlp::attend(attention.queries(x), keys, values), x));
      cache.per_image.insert(cache.per_image.end(), {keys, values});
      cache.per_row.insert(cache.per_row.end(), {none, none});
    }
    return cache;
  }
  /// [B * K, t] -> [B * K, V] behind the last of them
  [[nodiscard]] at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    return logits(feed(ids, cache).select(1, ids.size(1) - 1));
  }

  vlp::Embedding words{nullptr};
  at::Tensor positions;  ///< [max_positions, D]
  std::vector<vlp::BertLayer> layers;
  vlp::Linear output{nullptr};

 private:
  /// States of the next words, [B * K, t, D].
  at::Tensor feed(const at::Tensor& ids, vlp::DecodingCache& cache) {
    const std::int64_t fresh = ids.size(1), past = cache.length;
    at::Tensor x = words(ids) + positions.narrow(0, past, fresh);
    const vlp::AttentionMask visible =
        vlp::continuation_mask(fresh, cache.per_image.front().size(2) + past, x.detach().options());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      vlp::BertAttentionImpl& attention = *layers[i]->attention;
      const auto whole = [&](at::Tensor& of_words, const at::Tensor& more,
                             const at::Tensor& image) {
        of_words = at::cat({of_words, more}, 2);
        return at::cat({image.repeat_interleave(cache.beams, 0), of_words}, 2);
      };
      const at::Tensor keys =
          whole(cache.per_row[2 * i], attention.keys(x), cache.per_image[2 * i]);
      const at::Tensor values =
          whole(cache.per_row[2 * i + 1], attention.values(x), cache.per_image[2 * i + 1]);
      x = layers[i]->feed_forward(
          attention.output(vlp::attend(attention.queries(x), keys, values, visible), x));
    }
    cache.length = past + fresh;
    return x;
  }

  Options options_;
};
TORCH_MODULE(PrefixDecoder);
static_assert(vlp::Decoder<PrefixDecoder>);

}  // namespace tiny_git

VLP_PLUGIN(tiny_prefix, "1.0", tiny_git::PrefixDecoder);
