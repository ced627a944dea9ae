#pragma once
// Small multimodal mixtures of encoder-decoder for tests.

#include "plugins/decoder/bert_cross_attention.hpp"
#include "plugins/encoder/vit.hpp"
#include "plugins/model/blip.hpp"
#include "plugins/text_encoder/bert.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp_test {

inline constexpr std::int64_t kMedDecode = 22, kMedEncode = 23;  // of a vocabulary of 24

/// Images of 16 x 16 pixels, texts of at most 12 tokens; widths 8 and 12, two layers each,
/// embeddings of width 6.
inline vlp::BlipImpl::Options med_options() {
  vlp::BlipImpl::Options options;
  options.encoder = vlp::Use<vlp::AnyEncoder>::of<vlp::VisionTransformer>(
      {.patches = {.patch = 8}, .sizes = {.width = 8, .depth = 2, .heads = 2, .mlp = 16}});
  options.text_encoder = vlp::Use<vlp::AnyTextEncoder>::of<vlp::BertTextEncoder>(
      {.sizes = {.width = 12, .depth = 2, .heads = 3, .mlp = 20}, .text = {.max_positions = 12}});
  options.decoder = vlp::Use<vlp::AnyDecoder>::of<vlp::BertCrossAttention>(
      {.sizes = {.width = 12, .depth = 2, .heads = 3, .mlp = 20}, .text = {.max_positions = 12}});
  options.embedding_width = 6;
  return options;
}

inline vlp::Context med_context(vlp::Parts needs = vlp::Parts()) {
  vlp::Context ctx;
  ctx.facts.dimensions = {.image_height = 16, .image_width = 16, .vocabulary_size = 24};
  ctx.facts.tokens = {.pad = 0,
                      .unknown = 1,
                      .cls = 2,
                      .sep = 3,
                      .mask = 4,
                      .decode = kMedDecode,
                      .encode = kMedEncode};
  ctx.facts.needs = needs;
  return ctx;
}

/// Every parameter is moved, so that nothing is small or zero.
inline vlp::Blip med_model(const vlp::BlipImpl::Options& options = med_options(),
                           vlp::Parts needs = vlp::Parts()) {
  at::manual_seed(6);
  vlp::Blip model(options, med_context(needs));
  const at::NoGradGuard no_grad;
  for (auto& [name, parameter] : vlp::distinct_parameters(*model))
    if (parameter.dim() > 0) parameter.add_(0.3 * at::randn_like(parameter));
  model->copy_to_momentum_encoders();
  return model;
}

struct MedTexts {
  at::Tensor ids =
      at::tensor({2, 5, 6, 7, 3, 2, 8, 9, 3, 0, 2, 10, 3, 0, 0}, at::kLong).view({3, 5});
  at::Tensor mask = ids.ne(0);
};

}  // namespace vlp_test
