#pragma once
// Pixels to tensors and back.

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include "vlp/core/error.hpp"
#include "vlp/image/pixels.hpp"

namespace vlp {

/// Hands decoded pixels to a tensor.
/// @return uint8 [3, H, W], interleaved in memory ([H, W, 3] permuted), which ATen resizes fastest
[[nodiscard]] inline at::Tensor to_tensor(Pixels pixels) {
  std::uint8_t* const data = pixels.rgb.release();
  const auto free = [](void* memory) { delete[] static_cast<std::uint8_t*>(memory); };
  return at::from_blob(data, {3, pixels.height, pixels.width}, {1, 3 * pixels.width, 3}, free,
                       at::TensorOptions(at::kByte));
}

/// @throws ShapeError unless `image` is uint8 [3, H, W] with at least one pixel
/// @param where  what the message begins with, e.g. "resize"
inline void require_image(const at::Tensor& image, const std::string& where) {
  if (image.scalar_type() == at::kByte && image.dim() == 3 && image.size(0) == 3 &&
      image.size(1) > 0 && image.size(2) > 0)
    return;
  std::ostringstream got;
  got << image.scalar_type() << " " << image.sizes();
  throw ShapeError(where + ": bad image (got " + got.str() + ", expected uint8 [3, H, W]). Put " +
                   where + " before normalize.");
}

/// Copies a tensor's pixels.
/// @param image  uint8 [3, H, W] on the CPU; interleaved memory is fastest
/// @param where  what the message begins with
/// @throws ShapeError if `image` is of another dtype or shape
[[nodiscard]] inline Pixels to_pixels(const at::Tensor& image, const std::string& where) {
  require_image(image, where);
  const at::Tensor interleaved = image.permute({1, 2, 0}).contiguous();
  Pixels pixels(image.size(1), image.size(2));
  std::copy_n(static_cast<const std::uint8_t*>(interleaved.const_data_ptr()), pixels.byte_count(),
              pixels.rgb.get());
  return pixels;
}

}  // namespace vlp
