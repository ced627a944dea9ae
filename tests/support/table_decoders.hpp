#pragma once
// Small decoders that keep other things than keys and values while they decode, in float64. Of each
// the logits behind any tokens can be computed anew, by `behind`, without a cache.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "tests/support/archetypes.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/core/special_tokens.hpp"

namespace vlp_test {

inline constexpr std::int64_t kTableVocabulary = 4;  // three words and [SEP]
inline constexpr std::int64_t kTableWidth = 6;

/// The first word stands for [DEC].
inline vlp::SpecialTokens table_tokens() {
  vlp::SpecialTokens tokens;
  tokens.sep = 3;
  tokens.decode = 0;
  return tokens;
}

/// [count, 2, 6] float64
inline at::Tensor table_images(std::int64_t count) {
  at::manual_seed(21);
  return at::randn({count, 2, kTableWidth}, at::kDouble) * 2;
}

/// What the decoders have in common: random tables, and teacher forcing token by token.
class TableModule : public torch::nn::Module {
 public:
  TableModule() {
    at::manual_seed(22);
    words = at::randn({kTableVocabulary, kTableWidth}, at::kDouble);
    mixing = at::randn({kTableWidth, kTableWidth}, at::kDouble);
    head = at::randn({kTableWidth, kTableVocabulary}, at::kDouble) * 1.5;
  }

  /// The state behind some tokens, [6].
  /// @param image  [2, 6]
  [[nodiscard]] virtual at::Tensor state(const std::vector<std::int64_t>& ids,
                                         const at::Tensor& image) const = 0;
  /// Logits behind some tokens, [4], computed anew.
  /// @param image  [2, 6]
  [[nodiscard]] at::Tensor behind(const std::vector<std::int64_t>& ids,
                                  const at::Tensor& image) const {
    return state(ids, image).matmul(head);
  }

  at::Tensor states(const at::Tensor& ids, const at::Tensor&, const at::Tensor& images) {
    std::vector<at::Tensor> rows;
    for (std::int64_t b = 0; b < ids.size(0); ++b) {
      std::vector<std::int64_t> so_far;
      for (std::int64_t t = 0; t < ids.size(1); ++t) {
        so_far.push_back(ids[b][t].item<std::int64_t>());
        rows.push_back(state(so_far, images[b]));
      }
    }
    return at::stack(rows).view({ids.size(0), ids.size(1), kTableWidth});
  }
  at::Tensor logits(const at::Tensor& states) { return states.matmul(head); }

  at::Tensor words, mixing, head;
};

/// Keeps nothing: the next token follows from the last one, whatever the image.
class LastTokenModule : public TableModule {
 public:
  [[nodiscard]] at::Tensor state(const std::vector<std::int64_t>& ids,
                                 const at::Tensor&) const override {
    return words[ids.back()];
  }
  vlp::DecodingCache make_cache(const at::Tensor&, std::int64_t beams, std::int64_t) {
    vlp::DecodingCache cache;
    cache.beams = beams;
    return cache;
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    cache.length += ids.size(1);
    return words.index_select(0, ids.select(1, -1)).matmul(head);
  }
};
struct LastToken : archetype::Handle<LastTokenModule> {
  static constexpr std::string_view name = "last_token";
};

/// Without cross-attention: the image is where a recurrent state begins, which is kept for each row
/// and nothing for an image.
class RecurrentModule : public TableModule {
 public:
  [[nodiscard]] at::Tensor state(const std::vector<std::int64_t>& ids,
                                 const at::Tensor& image) const override {
    at::Tensor state = image.mean(0);
    for (const std::int64_t id : ids) state = (state.matmul(mixing) + words[id]).tanh();
    return state;
  }
  vlp::DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams, std::int64_t) {
    vlp::DecodingCache cache;
    cache.beams = beams;
    cache.per_row = {image_states.mean(1).repeat_interleave(beams, 0)};
    return cache;
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    at::Tensor& state = cache.per_row.at(0);
    for (std::int64_t t = 0; t < ids.size(1); ++t)
      state = (state.matmul(mixing) + words.index_select(0, ids.select(1, t))).tanh();
    cache.length += ids.size(1);
    return state.matmul(head);
  }
};
struct Recurrent : archetype::Handle<RecurrentModule> {
  static constexpr std::string_view name = "recurrent";
};

/// Keeps each row's ids so far, and the images as they are: what a token says depends on how far
/// back it stands.
class SoFarModule : public TableModule {
 public:
  [[nodiscard]] at::Tensor state(const std::vector<std::int64_t>& ids,
                                 const at::Tensor& image) const override {
    at::Tensor state = image.sum(0);
    double weight = 1;
    for (std::size_t i = ids.size(); i-- > 0; weight /= 2) state = state + words[ids[i]] * weight;
    return state;
  }
  vlp::DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams, std::int64_t) {
    vlp::DecodingCache cache;
    cache.beams = beams;
    cache.per_row = {at::empty({image_states.size(0) * beams, 0}, at::kLong)};
    cache.per_image = {image_states};
    return cache;
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    at::Tensor& so_far = cache.per_row.at(0);
    so_far = at::cat({so_far, ids}, 1);
    cache.length += ids.size(1);
    at::Tensor state = cache.per_image.at(0).sum(1).repeat_interleave(cache.beams, 0);
    double weight = 1;
    for (std::int64_t t = cache.length; t-- > 0; weight /= 2)
      state = state + words.index_select(0, so_far.select(1, t)) * weight;
    return state.matmul(head);
  }
};
struct SoFar : archetype::Handle<SoFarModule> {
  static constexpr std::string_view name = "so_far";
};

}  // namespace vlp_test
