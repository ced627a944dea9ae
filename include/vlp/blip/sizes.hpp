#pragma once
// The architecture of a BLIP (Li et al. 2022) as values. Includes no torch.

#include <cstdint>

#include "vlp/nn/transformer_options.hpp"

namespace vlp {

/// What a BLIP is for, and with it which text parts it has behind its image encoder.
enum class BlipTask {
  captioning,  ///< a decoder
  retrieval,   ///< a text encoder, projections and a matching head
  pretraining  ///< both: the mixture of encoder and decoder
};

/// Whether a BLIP for this task has a decoder.
[[nodiscard]] constexpr bool has_decoder(BlipTask task) { return task != BlipTask::retrieval; }

/// Whether a BLIP for this task has a text encoder.
[[nodiscard]] constexpr bool has_text_encoder(BlipTask task) {
  return task != BlipTask::captioning;
}

/// What stands at position 0 of texts that look at an image to be matched with it.
enum class BlipMatchToken {
  enc,  ///< [ENC], as in BLIP's training
  cls   ///< [CLS], as in transformers
};

/// Sizes and settings of BlipForConditionalGeneration and BlipForImageTextRetrieval; the values
/// here are those that transformers takes for missing keys. Where else each of them is said, is in
/// blip/fields.hpp.
struct BlipConfig {
  /// The key vision_config.
  struct Vision {
    PatchOptions patches{.image_size = 384, .patch = 16};
    TransformerSizes sizes{.width = 768, .depth = 12, .heads = 12, .mlp = 3072};
    double layer_norm_eps = 1e-5;      ///< 1e-6 in the original
    double initializer_range = 1e-10;  ///< of new weights
  } vision;                            ///< the image encoder
  /// The key text_config.
  struct Text {
    /// 8 heads are transformers' default, though every BLIP has 12.
    TransformerSizes sizes{.width = 768, .depth = 12, .heads = 8, .mlp = 3072};
    /// [DEC] and [ENC] included.
    TextTransformerOptions options{
        .max_positions = 512, .vocabulary_size = 30524, .dropout = 0.0, .layer_norm_eps = 1e-12};
    double initializer_range = 0.02;     ///< of new weights
    double label_smoothing = 0.0;        ///< of the loss
    std::int64_t bos = 30522;            ///< [DEC]
    std::int64_t sep = 102;              ///< [SEP]
    std::int64_t pad = 0;                ///< [PAD]
  } text;                                ///< the text encoder and the text decoder
  bool tie_embeddings = true;            ///< the head's matrix is the word embedding
  BlipTask task = BlipTask::captioning;  ///< which parts there are
  std::int64_t embedding_width =
      256;  ///< of image and text embeddings: the key image_text_hidden_size
  BlipMatchToken match_token =
      BlipMatchToken::cls;  ///< of a text encoder; the key match_token, which is vlp's own
};

}  // namespace vlp
