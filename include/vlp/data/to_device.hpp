#pragma once
// Moves a batch to the model's device without waiting for the copy.

#include <ATen/core/Tensor.h>

#include "vlp/concepts/batch.hpp"

namespace vlp {

/// @return  the batch with every tensor on `device`; pinned host memory is copied asynchronously
[[nodiscard]] inline Batch to_device(Batch batch, at::Device device) {
  for_each_tensor(batch, [device](at::Tensor& tensor) {
    if (tensor.defined())
      tensor = tensor.to(tensor.options().device(device), /*non_blocking=*/true);
  });
  return batch;
}

}  // namespace vlp
