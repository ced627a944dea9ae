#pragma once
// The EXIF orientation of JPEG, PNG and WebP files, and pixels turned upright by it, as Pillow's
// ImageOps.exif_transpose does. Whatever the bytes say, nothing outside them is read. Includes no
// torch.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vlp/image/pixels.hpp"

namespace vlp {
namespace detail {

/// Whole numbers in bytes, of either byte order.
class ByteFields {
 public:
  ByteFields(std::span<const std::byte> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  /// @param count  bytes of the number, at most 4
  /// @return       none beyond the end
  [[nodiscard]] std::optional<std::uint32_t> number(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
      value = value << 8 |
              std::to_integer<std::uint32_t>(bytes_[at + (big_endian_ ? i : count - 1 - i)]);
    return value;
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

[[nodiscard]] inline bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

inline constexpr std::string_view kExifHead("Exif\0\0", 6);

/// The value of an entry of a TIFF directory: a whole number, the first if there are several.
[[nodiscard]] inline std::optional<std::uint32_t> tiff_value(const ByteFields& tiff,
                                                             std::size_t entry) {
  const std::uint32_t type = tiff.number(entry + 2, 2).value_or(0);
  const std::uint32_t count = tiff.number(entry + 4, 4).value_or(0);
  constexpr std::uint32_t short_ = 3, long_ = 4, signed_short = 8, signed_long = 9;
  const bool two = type == short_ || type == signed_short;
  if (count == 0 || (!two && type != long_ && type != signed_long)) return std::nullopt;
  const std::size_t bytes = two ? 2 : 4;
  if (count * std::uint64_t{bytes} <= 4) return tiff.number(entry + 8, bytes);
  const std::uint64_t offset = tiff.number(entry + 8, 4).value_or(0);
  if (offset + count * std::uint64_t{bytes} > tiff.size()) return std::nullopt;
  return tiff.number(offset, bytes);
}

}  // namespace detail

/// @param exif  an EXIF block: a TIFF file, perhaps with "Exif\0\0" before it
/// @return      1 to 8; 1 = upright, or nothing that can be read says otherwise
[[nodiscard]] inline int exif_orientation(std::span<const std::byte> exif) {
  for (int i = 0; i < 2 && detail::begins_with(exif, detail::kExifHead); ++i)
    exif = exif.subspan(detail::kExifHead.size());
  const bool big_endian = detail::begins_with(exif, "MM");
  const detail::ByteFields tiff(exif, big_endian);
  constexpr std::uint32_t kMagic = 42, kOrientation = 0x0112;
  if ((!big_endian && !detail::begins_with(exif, "II")) || tiff.number(2, 2) != kMagic) return 1;
  const std::size_t directory = tiff.number(4, 4).value_or(0);
  const std::uint32_t entries = tiff.number(directory, 2).value_or(0);
  std::uint32_t orientation = 1;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{i} * 12;
    if (!tiff.number(entry + 8, 4)) break;
    if (tiff.number(entry, 2) == kOrientation)
      orientation = detail::tiff_value(tiff, entry).value_or(orientation);
  }
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

/// @param jpeg  a JPEG file; its EXIF block may go on over several segments
/// @return      1 to 8
[[nodiscard]] inline int jpeg_orientation(std::span<const std::byte> jpeg) {
  const detail::ByteFields file(jpeg, /*big_endian=*/true);
  std::vector<std::byte> exif;
  for (std::size_t at = 2; file.number(at, 1) == 0xFF;) {
    const std::uint32_t marker = file.number(at + 1, 1).value_or(0);
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    constexpr std::uint32_t app1 = 0xE1, start_of_scan = 0xDA, end_of_image = 0xD9;
    if (marker == start_of_scan || marker == end_of_image) break;
    const std::size_t length = file.number(at + 2, 2).value_or(0);  // with its own two bytes
    if (length < 2 || jpeg.size() - at - 2 < length) break;
    const auto segment = jpeg.subspan(at + 4, length - 2);
    if (marker == app1 && detail::begins_with(segment, detail::kExifHead)) {
      const auto block = segment.subspan(detail::kExifHead.size());
      exif.insert(exif.end(), block.begin(), block.end());
    }
    at += 2 + length;
  }
  return exif_orientation(exif);
}

/// @param png  a PNG file
/// @return     1 to 8, by its chunk eXIf
[[nodiscard]] inline int png_orientation(std::span<const std::byte> png) {
  const detail::ByteFields file(png, /*big_endian=*/true);
  constexpr std::size_t frame = 12;  // length, name and checksum of a chunk
  for (std::size_t at = 8; at + frame <= png.size();) {
    const std::size_t length = file.number(at, 4).value_or(0);
    if (length > png.size() - at - frame) break;
    if (detail::begins_with(png.subspan(at + 4), "eXIf"))
      return exif_orientation(png.subspan(at + 8, length));
    at += frame + length;
  }
  return 1;
}

/// @param orientation  1 to 8
/// @return             the picture upright
[[nodiscard]] inline Pixels turned_upright(Pixels stored, int orientation) {
  if (orientation < 2 || orientation > 8) return stored;
  const std::int64_t h = stored.height, w = stored.width;
  const bool lies = orientation >= 5;  // rows become columns
  Pixels upright(lies ? w : h, lies ? h : w);
  for (std::int64_t y = 0; y < upright.height; ++y) {
    std::uint8_t* out = upright.row(y);
    // Where a row begins in the stored picture, and how it goes on there.
    std::int64_t row = y, column = 0, down = 0, right = 1;
    switch (orientation) {
      case 2:  column = w - 1, right = -1; break;
      case 3:  row = h - 1 - y, column = w - 1, right = -1; break;
      case 4:  row = h - 1 - y; break;
      case 5:  row = 0, column = y, down = 1, right = 0; break;
      case 6:  row = h - 1, column = y, down = -1, right = 0; break;
      case 7:  row = h - 1, column = w - 1 - y, down = -1, right = 0; break;
      case 8:  row = 0, column = w - 1 - y, down = 1, right = 0; break;
      default: break;
    }
    for (std::int64_t x = 0; x < upright.width; ++x, out += 3)
      std::memcpy(out, stored.row(row + x * down) + (column + x * right) * 3, 3);
  }
  return upright;
}

}  // namespace vlp
