#pragma once
// Image files to tensors, without a copy of the decoded pixels.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "vlp/image/pixel_tensor.hpp"
#include "vlp/image/pixels.hpp"
#include "vlp/image/read.hpp"

namespace vlp {

/// Reads a JPEG or PNG file; the format is told by the content. The EXIF orientation is not
/// applied.
/// @return uint8 [3, H, W], RGB, interleaved in memory
/// @throws DataError that names the file if it is missing, broken, truncated or too large
[[nodiscard]] inline at::Tensor decode_image(const std::filesystem::path& path,
                                             AlphaMode alpha = AlphaMode::drop) {
  return to_tensor(read_pixels(path, alpha));
}

/// The same for a file that is already in memory.
/// @param bytes  a whole JPEG or PNG file
/// @param name   how errors call it
/// @param alpha  what becomes of transparency
[[nodiscard]] inline at::Tensor decode_image(std::span<const std::byte> bytes,
                                             std::string_view name,
                                             AlphaMode alpha = AlphaMode::drop) {
  return to_tensor(decode_pixels(bytes, name, alpha));
}

}  // namespace vlp
