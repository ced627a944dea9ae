#pragma once
// Which image and which text of a batch belong together, for losses that set pairs against each
// other.

#include <cstdint>
#include <string>
#include <string_view>

#include <ATen/ATen.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

/// What belongs to a text: the image that it came with, as in BLIP's pre-training, or whatever
/// shows the same image, as in its retrieval fine-tuning (Li et al. 2022), where the other captions
/// of an image are no negatives.
enum class Positives { pair, image };

/// @param positives    what belongs together
/// @param batch        B pairs; `image` needs their image_index
/// @param queue_index  [Q] int64, image numbers of further columns, negative = none; undefined = no
///                     further columns
/// @param who          how messages call the caller, e.g. "loss 'itc'"
/// @return             [B, B + Q] bool, true = row and column belong together
/// @throws ShapeError if image numbers are needed and the batch has none, or not one a pair
[[nodiscard]] inline at::Tensor positive_pairs(Positives positives, const Batch& batch,
                                               const at::Tensor& queue_index,
                                               std::string_view who) {
  const std::int64_t rows = batch.texts.token_ids.size(0),
                     further = queue_index.defined() ? queue_index.numel() : 0;
  if (positives == Positives::pair)
    return at::eye(rows, rows + further, batch.texts.token_ids.options().dtype(at::kBool));
  const at::Tensor& index = batch.image_index;
  if (!index.defined() || index.dim() != 1 || index.size(0) != rows)
    throw ShapeError(
        std::string(who) + ": positives = \"image\" needs the image number of each pair (got " +
        (index.defined() ? std::to_string(index.numel()) : "none") + ", expected " +
        std::to_string(rows) + "). Fill Batch::image_index, or set positives = \"pair\".");
  return index.unsqueeze(1).eq((further == 0 ? index : at::cat({index, queue_index})).unsqueeze(0));
}

}  // namespace vlp
