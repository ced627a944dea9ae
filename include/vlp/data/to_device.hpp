#pragma once
// Moves a batch to the model's device without waiting for the copy.

#include <initializer_list>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/batch.hpp"

namespace vlp {

/// @return  the batch with every tensor on `device`; pinned host memory is copied asynchronously
[[nodiscard]] inline Batch to_device(Batch batch, at::Device device) {
  const auto move = [device](std::initializer_list<at::Tensor*> tensors) {
    for (at::Tensor* tensor : tensors)
      if (tensor->defined()) *tensor = tensor->to(tensor->options().device(device), /*non_blocking=*/true);
  };
  move({&batch.pixels, &batch.token_ids, &batch.token_mask, &batch.target_index, &batch.targets, &batch.image_index});
  for (Texts& texts : batch.further) move({&texts.token_ids, &texts.token_mask, &texts.target_index, &texts.targets, &texts.image_rows});
  return batch;
}

}  // namespace vlp
