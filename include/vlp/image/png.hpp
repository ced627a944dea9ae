#pragma once
// PNG to RGB by libpng: grey, palette, RGB and RGBA of any depth, interlaced or not; 16 bits by
// their high byte, no gamma correction.

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <png.h>

#include "vlp/image/pixels.hpp"

namespace vlp {
namespace detail {

/// One libpng decompressor; its errors jump back out of C code with longjmp and become `false`. No
/// frame that is jumped over holds an object with a destructor.
class PngReader {
 public:
  explicit PngReader(std::span<const std::byte> bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error,
                                  [](png_structp, png_const_charp) {});
    if (png_) info_ = png_create_info_struct(png_);
    if (!info_) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw std::bad_alloc();
    }
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  /// Reads up to the first data chunk; after it, `height`, `width` and `channels` are known.
  /// @param keep_alpha  deliver RGBA where the file has transparency
  [[nodiscard]] bool read_header(bool keep_alpha) {
    if (setjmp(jump_)) return false;
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png_, info_);
    const bool transparent = (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) ||
                             png_get_valid(png_, info_, PNG_INFO_tRNS);
    png_set_strip_16(png_);
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_gray_to_rgb(png_);
    if (transparent && keep_alpha) png_set_tRNS_to_alpha(png_);
    if (transparent && !keep_alpha) png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  /// @param rows  one pointer a row, each to width * channels bytes
  [[nodiscard]] bool read_pixels(png_bytepp rows) {
    if (setjmp(jump_)) return false;
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

  [[nodiscard]] std::int64_t height() const { return png_get_image_height(png_, info_); }
  [[nodiscard]] std::int64_t width() const { return png_get_image_width(png_, info_); }
  [[nodiscard]] std::int64_t channels() const { return png_get_channels(png_, info_); }
  [[nodiscard]] std::string message() const { return message_; }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(self->message_, text, sizeof self->message_ - 1);
    std::longjmp(self->jump_, 1);
  }
  static void on_read(png_structp png, png_bytep out, std::size_t count) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > self->rest_.size()) png_error(png, "the file ends too early");
    std::memcpy(out, self->rest_.data(), count);
    self->rest_ = self->rest_.subspan(count);
  }

  std::span<const std::byte> rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf jump_{};
  char message_[128] = {};
};

}  // namespace detail

/// @param bytes  a whole PNG file
/// @param name   how errors call it
/// @param alpha  what becomes of transparency
/// @throws DataError if it is broken, or declares more than `kMaxImagePixels`
[[nodiscard]] inline Pixels decode_png(std::span<const std::byte> bytes, std::string_view name,
                                       AlphaMode alpha = AlphaMode::drop) {
  detail::PngReader reader(bytes);
  const auto fail = [&] {
    detail::fail_image(name, "can't decode this PNG (" + reader.message() + ").");
  };
  if (!reader.read_header(alpha == AlphaMode::over_white)) fail();
  detail::check_image_size(reader.height(), reader.width(), name);
  Pixels image(reader.height(), reader.width());
  const auto channels = static_cast<std::size_t>(reader.channels());
  const auto stride = static_cast<std::size_t>(image.width) * channels;
  std::vector<std::uint8_t> rgba(channels == 4 ? stride * static_cast<std::size_t>(image.height)
                                               : 0);
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
  for (std::size_t y = 0; y < rows.size(); ++y)
    rows[y] = (channels == 4 ? rgba.data() : image.rgb.get()) + y * stride;
  if (!reader.read_pixels(rows.data())) fail();
  for (std::size_t i = 0; i < rgba.size() / 4; ++i)
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const int opaque = rgba[4 * i + 3];
      image.rgb[3 * i + channel] = static_cast<std::uint8_t>(
          (rgba[4 * i + channel] * opaque + 255 * (255 - opaque) + 127) / 255);
    }
  return image;
}

}  // namespace vlp
