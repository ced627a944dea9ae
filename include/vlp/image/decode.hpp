#pragma once
// Image files to tensors, without a copy of the decoded pixels.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include "vlp/image/pixels.hpp"
#include "vlp/image/read.hpp"

namespace vlp {

/// Hands decoded pixels to a tensor.
/// @return uint8 [3, H, W], interleaved in memory ([H, W, 3] permuted), which ATen resizes fastest
[[nodiscard]] inline at::Tensor to_tensor(Pixels pixels) {
  std::uint8_t* const data = pixels.rgb.release();
  const auto free = [](void* memory) { delete[] static_cast<std::uint8_t*>(memory); };
  return at::from_blob(data, {3, pixels.height, pixels.width}, {1, 3 * pixels.width, 3}, free, at::TensorOptions(at::kByte));
}

/// Reads a JPEG or PNG file; the format is told by the content. The EXIF orientation is not applied.
/// @return uint8 [3, H, W], RGB, interleaved in memory
/// @throws DataError that names the file if it is missing, broken, truncated or too large
[[nodiscard]] inline at::Tensor decode_image(const std::filesystem::path& path, AlphaMode alpha = AlphaMode::drop) {
  return to_tensor(read_pixels(path, alpha));
}

/// The same for a file that is already in memory.
/// @param bytes  a whole JPEG or PNG file
/// @param name   how errors call it
/// @param alpha  what becomes of transparency
[[nodiscard]] inline at::Tensor decode_image(std::span<const std::byte> bytes, std::string_view name, AlphaMode alpha = AlphaMode::drop) {
  return to_tensor(decode_pixels(bytes, name, alpha));
}

}  // namespace vlp
