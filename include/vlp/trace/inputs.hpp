#pragma once
// What goes into a traced model: a safetensors file with pixels, and token ids, masks and labels
// where text parts are traced too. Everything is checked before the model sees it. Letters: B
// images, M texts, T text tokens.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

/// Inputs of a trace, on the model's device; undefined where the file has none.
struct TraceInputs {
  at::Tensor pixel_values;          ///< [B, 3, H, W] of the model's size, in the model's dtype
  at::Tensor interp_pixel_values;   ///< [B', 3, H', W'] of another size
  at::Tensor input_ids;             ///< [B, T] int64; [DEC] first if there is a decoder
  at::Tensor attention_mask;        ///< [B, T] bool, true = token
  at::Tensor labels;                ///< [B, T] int64, -100 = not supervised
  at::Tensor labels_prompt_masked;  ///< [B, T] int64, the prompt is -100 too
  at::Tensor input_ids_enc;         ///< [B, T] int64, the same texts with [ENC] first
  at::Tensor itm_labels;            ///< [B] int64, 1 = text and image belong together, 0 = not
  at::Tensor all_input_ids;  ///< [M, T'] int64, texts that all images are compared with; those of
                             ///< the images first
  at::Tensor all_attention_mask;    ///< [M, T'] bool, true = token
  std::vector<std::string> unused;  ///< names in the file that a trace of the model doesn't use

  /// @param labels  [B, T], one of the above
  /// @param first   row
  /// @param rows    number of rows
  /// @return        these rows, each position supervised by the label after it
  [[nodiscard]] Batch batch(const at::Tensor& labels, std::int64_t first, std::int64_t rows) const {
    const at::Tensor chosen = labels.narrow(0, first, rows);
    const at::Tensor next =
        at::cat({chosen.slice(1, 1), at::full_like(chosen.slice(1, 0, 1), -100)}, 1).flatten();
    const at::Tensor supervised = next.ne(-100).nonzero().squeeze(1);
    return {.pixels = pixel_values.narrow(0, first, rows),
            .texts = {.token_ids = input_ids.narrow(0, first, rows),
                      .token_mask = attention_mask.narrow(0, first, rows),
                      .target_index = supervised,
                      .targets = next.index_select(0, supervised),
                      .image_rows = {}},
            .extra_captions = {},
            .image_index = at::arange(first, first + rows, next.options()),
            .image_ids = {}};
  }
};

/// @param path    safetensors: pixel_values, and optionally interp_pixel_values; for text parts
///                input_ids with attention_mask; for a decoder labels, labels_prompt_masked; for a
///                text encoder input_ids_enc, itm_labels, all_input_ids with all_attention_mask.
///                prompt_ids and other names are not used
/// @param ctx     the model's: device, special tokens, sizes
/// @param dtype   of the model
/// @param serves  the model's parts; names for others are not used
/// @throws DataError  for a file that can't be read and a tensor that is missing or has another
/// dtype, shape or range
[[nodiscard]] TraceInputs read_trace_inputs(const std::filesystem::path& path, const Context& ctx,
                                            at::ScalarType dtype, const Parts& serves);

/// A training batch as inputs of a trace, with its own tensors' values.
/// @param tokens  position 0 becomes their [DEC] where the model has a decoder, and their [ENC] in
///                the texts of a text encoder
/// @param serves  the model's parts
[[nodiscard]] NamedTensors trace_tensors(const Batch& batch, const SpecialTokens& tokens,
                                         const Parts& serves);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/trace/inputs_inl.hpp"
#endif
