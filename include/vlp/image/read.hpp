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
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/image/image_format.hpp"
#include "vlp/image/image_reading.hpp"
#include "vlp/image/jpeg.hpp"
#include "vlp/image/orientation.hpp"
#include "vlp/image/pixels.hpp"
#include "vlp/image/png.hpp"
#include "vlp/image/read_file.hpp"
#include "vlp/image/webp.hpp"

namespace vlp {

namespace detail {

/// @throws DataError with the first bytes of a file that is no picture
[[noreturn]] inline void fail_format(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.empty()) fail_image(name, "the file is empty (expected a JPEG, PNG or WebP image).");
  std::string found;
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 4); ++i) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x ", static_cast<unsigned>(bytes[i]));
    found += hex.data();
  }
  found.pop_back();
  fail_image(name, "neither JPEG nor PNG nor WebP (got bytes " + found +
                       ", expected ff d8 ff, 89 50 4e 47 or 52 49 46 46).");
}

}  // namespace detail

/// @param bytes    a whole JPEG, PNG or WebP file
/// @param name     how errors call it
/// @param reading  what becomes of transparency and orientation
/// @param claim    called with the bytes of memory that the picture takes, before it takes them
/// @return         upright, with orientation 1, if `reading` says so
/// @throws DataError if it is empty, of another format, broken, truncated or too large
[[nodiscard]] inline Pixels decode_pixels(std::span<const std::byte> bytes, std::string_view name,
                                          const ImageReading& reading = {},
                                          const MemoryClaim& claim = {}) {
  const auto twice = [&](std::size_t memory) { claim(2 * memory); };  // two copies while it turns
  const MemoryClaim all = claim && reading.orient ? MemoryClaim(twice) : claim;
  const auto decoded = [&]() -> Pixels {
    const std::optional<ImageFormat> format = image_format(bytes);
    if (format == ImageFormat::jpeg) return decode_jpeg(bytes, name, all);
    if (format == ImageFormat::png) return decode_png(bytes, name, reading.transparency, all);
    if (format == ImageFormat::webp) return decode_webp(bytes, name, reading.transparency, all);
    detail::fail_format(bytes, name);
  };
  Pixels pixels = decoded();
  return reading.orient ? turned_upright(std::move(pixels), pixels.orientation) : std::move(pixels);
}

/// Reads a JPEG, PNG or WebP file.
/// @throws DataError that names the file: MissingFileError if it isn't there, ReadError if it is
/// and can't be read
[[nodiscard]] inline Pixels read_pixels(const std::filesystem::path& path,
                                        const ImageReading& reading = {},
                                        const MemoryClaim& claim = {}) {
  return decode_pixels(detail::read_image_file(path), path.string(), reading, claim);
}

}  // namespace vlp
