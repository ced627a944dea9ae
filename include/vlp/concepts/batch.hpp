#pragma once
// One batch as the loader makes it and a pass reads it. Letters: B batch, T text tokens, M
// supervised positions, F texts.

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vlp {

/// Texts under teacher forcing.
struct Texts {
  at::Tensor token_ids;     ///< [F, T] int64, padded on the right with [PAD]
  at::Tensor token_mask;    ///< [F, T] bool, true = token
  at::Tensor target_index;  ///< [M] int64, flat positions f * T + t whose next token is supervised
  at::Tensor targets;  ///< [M] int64, those next tokens: caption and [SEP], never prompt or padding
  at::Tensor image_rows;  ///< [F] int64, which image of the batch each belongs to; undefined = one
                          ///< an image, in order
};

/// Images with one caption each. All tensors are on the model's device.
struct Batch {
  at::Tensor pixels;  ///< [B, 3, H, W] float32, normalised
  Texts texts;        ///< B rows, one an image, in order: [CLS] prompt caption [SEP]
  std::vector<Texts> extra_captions;  ///< a second caption of every image that has one, a third
                                      ///< ..., where a loss wants them
  at::Tensor image_index;  ///< [B] int64, the image's number in its dataset: equal for captions of
                           ///< one image
  std::vector<std::string> image_ids;  ///< [B]

  /// B; 0 for a batch of texts alone.
  [[nodiscard]] std::int64_t size() const { return pixels.defined() ? pixels.size(0) : 0; }
};

/// Calls `f(at::Tensor&)` for every tensor of a batch, undefined ones included: whatever is done to
/// a whole batch is done here.
template <class F>
void for_each_tensor(Batch& batch, F&& f) {
  const auto of_texts = [&](Texts& texts) {
    for (at::Tensor* tensor : {&texts.token_ids, &texts.token_mask, &texts.target_index,
                               &texts.targets, &texts.image_rows})
      f(*tensor);
  };
  f(batch.pixels);
  of_texts(batch.texts);
  for (Texts& texts : batch.extra_captions) of_texts(texts);
  f(batch.image_index);
}

}  // namespace vlp
