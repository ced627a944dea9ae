#pragma once
// Any supported image file to RGB without a tensor library; the format is told by the content,
// never by the name.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "vlp/image/jpeg.hpp"
#include "vlp/image/pixels.hpp"
#include "vlp/image/png.hpp"
#include "vlp/image/read_file.hpp"

namespace vlp {

/// @param bytes  a whole JPEG or PNG file
/// @param name   how errors call it
/// @param alpha  what becomes of transparency
/// @throws DataError if it is empty, of another format, broken, truncated or too large
[[nodiscard]] inline Pixels decode_pixels(std::span<const std::byte> bytes, std::string_view name,
                                          AlphaMode alpha = AlphaMode::drop) {
  const auto starts_with = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (starts_with("\xff\xd8\xff")) return decode_jpeg(bytes, name);
  if (starts_with("\x89PNG\r\n\x1a\n")) return decode_png(bytes, name, alpha);
  if (bytes.empty()) detail::fail_image(name, "the file is empty (expected a JPEG or PNG image).");
  std::string found;
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 4); ++i) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x ", static_cast<unsigned>(bytes[i]));
    found += hex.data();
  }
  found.pop_back();
  detail::fail_image(
      name, "neither JPEG nor PNG (got bytes " + found + ", expected ff d8 ff or 89 50 4e 47).");
}

/// Reads a JPEG or PNG file.
/// @throws DataError that names the file: MissingFileError if it isn't there, ReadError if it is
/// and
///         can't be read
[[nodiscard]] inline Pixels read_pixels(const std::filesystem::path& path,
                                        AlphaMode alpha = AlphaMode::drop) {
  return decode_pixels(detail::read_image_file(path), path.string(), alpha);
}

}  // namespace vlp
