#pragma once
// A small decoder with random weights in float64, its special tokens, and image states for it.

#include <cstdint>

#include "plugins/decoder/bert_cross_attention.hpp"

namespace vlp_test {

inline constexpr std::int64_t kTinyVocabulary = 6;

inline vlp::SpecialTokens tiny_tokens() {
  vlp::SpecialTokens tokens;
  tokens.sep = 3;
  tokens.decode = 5;
  return tokens;
}

/// In evaluation mode; texts of at most 12 tokens, image states of width 4.
inline vlp::BertCrossAttention tiny_decoder() {
  vlp::BertCrossAttentionImpl::Options options;
  options.sizes.width = 8;
  options.sizes.depth = 2;
  options.sizes.heads = 2;
  options.text.max_positions = 12;
  options.tie_embeddings = false;
  vlp::Facts facts;
  facts.dimensions.vocabulary_size = kTinyVocabulary;
  facts.dimensions.encoder_width = 4;
  at::manual_seed(11);
  vlp::BertCrossAttention result(options, facts);
  result->to(at::kDouble);
  result->eval();
  const at::NoGradGuard no_grad;
  for (at::Tensor p : result->parameters())
    p.add_(0.5 * at::randn_like(p));  // so that the texts differ clearly
  return result;
}

/// [count, 5, 4] float64
inline at::Tensor tiny_images(std::int64_t count) {
  at::manual_seed(12);
  return at::randn({count, 5, 4}, at::kDouble) * 2;
}

}  // namespace vlp_test
