#pragma once
// A decoded image without any tensor library, and the bounds that every decoder keeps. Includes no
// torch.

#include <cstddef>
#include <cstdint>
#include <functional>
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
  std::unique_ptr<std::uint8_t[]> rgb;  ///< height * width * 3 bytes, or more

  /// 1 to 8, by EXIF, of the file that the pixels are stored in as they are here; 1 = upright
  int orientation = 1;

  Pixels() = default;
  /// Leaves the pixels uninitialised.
  /// @param channels  bytes a pixel while it is being decoded, at least 3
  Pixels(std::int64_t h, std::int64_t w, std::int64_t channels = 3)
      : height(h),
        width(w),
        rgb(std::make_unique_for_overwrite<std::uint8_t[]>(
            static_cast<std::size_t>(h * w * channels))) {}

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

/// Images beyond this are refused before memory is asked for, as Pillow refuses them: 537 MB of
/// RGB.
inline constexpr std::int64_t kMaxImagePixels = 178'956'970;

/// Hears how many bytes of memory a picture will take, before it takes them; may wait.
using MemoryClaim = std::function<void(std::size_t)>;

namespace detail {

/// Why a file can't hold what its head declares.
[[nodiscard]] inline std::string too_short(std::int64_t height, std::int64_t width) {
  return "the file ends too early: it is too short for its " + std::to_string(width) + " x " +
         std::to_string(height) + " pixels";
}

/// @param name  the file's name, for the message
[[noreturn]] inline void fail_image(std::string_view name, std::string_view what) {
  throw DataError(std::string(name) + ": " + std::string(what) +
                  " Replace the file or leave it out.");
}

/// RGBA to RGB in the same memory, rows from the top without gaps.
/// @param pixels  height * width * 4 bytes; the first three quarters are RGB afterwards
inline void rgba_to_rgb(Pixels& pixels, AlphaMode alpha) {
  std::uint8_t* const bytes = pixels.rgb.get();
  const auto count = static_cast<std::size_t>(pixels.height * pixels.width);
  for (std::size_t i = 0; i < count; ++i) {
    const int opaque = alpha == AlphaMode::drop ? 255 : bytes[4 * i + 3];
    for (std::size_t channel = 0; channel < 3; ++channel)
      bytes[3 * i + channel] = static_cast<std::uint8_t>(
          (bytes[4 * i + channel] * opaque + 255 * (255 - opaque) + 127) / 255);
  }
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
