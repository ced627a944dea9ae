#pragma once
// Any supported image file to RGB without a tensor library; the format is told by the content,
// never by the name.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "vlp/image/jpeg.hpp"
#include "vlp/image/pixels.hpp"
#include "vlp/image/png.hpp"

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

namespace detail {

/// The whole file. @throws DataError if it can't be read
[[nodiscard]] inline std::vector<std::byte> read_image_file(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  std::error_code error;
  const auto size = file ? std::filesystem::file_size(path, error) : 0;
  if (!file)
    throw DataError(path.string() + ": can't open (" + std::strerror(errno) + "). Check the path.");
  if (error)
    throw DataError(path.string() + ": not a readable file (" + error.message() +
                    "). Check the path.");
  std::vector<std::byte> bytes(size);
  if (std::fread(bytes.data(), 1, size, file.get()) != size)
    throw DataError(path.string() + ": can't read all of its " + std::to_string(size) +
                    " bytes. Check the disk.");
  return bytes;
}

}  // namespace detail

/// Reads a JPEG or PNG file.
/// @throws DataError that names the file
[[nodiscard]] inline Pixels read_pixels(const std::filesystem::path& path,
                                        AlphaMode alpha = AlphaMode::drop) {
  return decode_pixels(detail::read_image_file(path), path.string(), alpha);
}

}  // namespace vlp
