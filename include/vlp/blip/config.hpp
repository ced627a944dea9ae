#pragma once
// The architecture of a BLIP (Li et al. 2022), as Hugging Face's config.json says it. Includes no
// torch.

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/json.hpp"
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

/// Reads config.json of a BlipForConditionalGeneration or a BlipForImageTextRetrieval of any age.
/// @param path       its place
/// @param console    hears of values that are allowed but suspicious
/// @param otherwise  the task if the file doesn't say its architecture
/// @throws WeightsError naming file, key, what is there and what was expected, all mistakes at once
[[nodiscard]] BlipConfig read_blip_config(const std::filesystem::path& path, const Console& console,
                                          BlipTask otherwise = BlipTask::captioning);

/// config.json for this architecture, as `from_pretrained` of transformers reads it.
/// @param config  for captioning or retrieval: one file can't say both
[[nodiscard]] Json config_json(const BlipConfig& config);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/blip/config_inl.hpp"
#endif
