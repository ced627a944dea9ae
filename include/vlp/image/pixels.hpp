#pragma once
// A decoded image without any tensor library, and the bounds that every decoder keeps.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "vlp/core/error.hpp"

namespace vlp {

/// What becomes of transparency: `drop` keeps the colours as stored, `over_white` blends them over
/// a white page.
enum class AlphaMode { drop, over_white };

/// An RGB image in memory, 8 bits a channel, rows from top to bottom without gaps: rgb[(y * width +
/// x) * 3 + channel].
struct Pixels {
  std::int64_t height = 0;              ///< pixels
  std::int64_t width = 0;               ///< pixels
  std::unique_ptr<std::uint8_t[]> rgb;  ///< height * width * 3 bytes

  Pixels() = default;
  /// Leaves the pixels uninitialised.
  Pixels(std::int64_t h, std::int64_t w)
      : height(h),
        width(w),
        rgb(std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(h * w * 3))) {}

  /// Three bytes a pixel.
  [[nodiscard]] std::size_t byte_count() const {
    return static_cast<std::size_t>(height * width * 3);
  }
  /// All rows, from the top.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {rgb.get(), byte_count()}; }
  /// Row `y`, counted from the top.
  [[nodiscard]] std::uint8_t* row(std::int64_t y) { return rgb.get() + y * width * 3; }
  /// Row `y`, counted from the top.
  [[nodiscard]] const std::uint8_t* row(std::int64_t y) const { return rgb.get() + y * width * 3; }
};

/// Images beyond this are refused before memory is asked for: 2^27 pixels are 400 MB of RGB.
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 27;

namespace detail {

/// @param name  the file's name, for the message
[[noreturn]] inline void fail_image(std::string_view name, std::string_view what) {
  throw DataError(std::string(name) + ": " + std::string(what) +
                  " Replace the file or leave it out.");
}

/// @throws DataError if a file declares no pixels or too many
inline void check_image_size(std::int64_t height, std::int64_t width, std::string_view name) {
  if (height < 1 || width < 1 || height > kMaxImagePixels / width)
    fail_image(name, "bad image size (got " + std::to_string(width) + " x " +
                         std::to_string(height) + ", expected 1 to " +
                         std::to_string(kMaxImagePixels) + " pixels).");
}

}  // namespace detail
}  // namespace vlp
