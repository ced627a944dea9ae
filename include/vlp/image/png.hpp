#pragma once
// PNG to RGB by libpng: grey, palette, RGB and RGBA of any depth, interlaced or not; 16 bits by
// their high byte, no gamma correction. As Pillow has it, a file may end anywhere behind its last
// row.

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include <png.h>

#include "vlp/image/orientation.hpp"
#include "vlp/image/pixels.hpp"

namespace vlp {
namespace detail {

/// What the first chunk of a PNG file says.
struct PngHeader {
  std::int64_t height = 0, width = 0;  ///< pixels
  std::int64_t bits = 0;               ///< of a pixel, as it is stored

  /// Whether so many bytes can hold the picture: deflate packs at most 1032 bytes into one.
  [[nodiscard]] bool fits_in(std::size_t bytes) const {
    constexpr std::uint64_t best = 1032;
    const auto stored = static_cast<std::uint64_t>(height) * static_cast<std::uint64_t>(width) *
                        static_cast<std::uint64_t>(bits) / 8;
    return stored <= std::uint64_t{bytes} * best;
  }
};

/// @return  zeros if there is no such chunk
[[nodiscard]] inline PngHeader png_header(std::span<const std::byte> bytes) {
  const ByteFields file(bytes, /*big_endian=*/true);
  constexpr std::size_t name = 12, size = 25;  // where the name stands, and what ends the chunk
  if (bytes.size() < name + 4 + size - 12 || !begins_with(bytes.subspan(name), "IHDR")) return {};
  const std::uint32_t depth = file.number(24, 1).value_or(0),
                      colour = file.number(25, 1).value_or(0);
  const std::int64_t channels = colour == PNG_COLOR_TYPE_RGB          ? 3
                                : colour == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
                                : colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                                      : 1;
  return {.height = file.number(20, 4).value_or(0),
          .width = file.number(16, 4).value_or(0),
          .bits = channels * depth};
}

/// One libpng decompressor, which is fed a file's bytes and calls back for each row. Its errors
/// jump back out of C code with longjmp and become `false`; no frame that is jumped over holds an
/// object with a destructor.
class PngReader {
 public:
  /// @param keep_alpha  deliver RGBA where the file has transparency
  PngReader(std::span<const std::byte> bytes, bool keep_alpha)
      : bytes_(bytes), keep_alpha_(keep_alpha) {
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

  /// Reads up to the first data chunk; after it, `channels` is known.
  [[nodiscard]] bool read_header() {
    if (setjmp(jump_)) return false;
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // the size is known already
    png_set_progressive_read_fn(png_, this, on_info, on_row, nullptr);
    png_process_data(png_, info_, data(), bytes_.size());
    if (channels_ == 0) message("the file ends too early");
    return channels_ != 0;
  }

  /// @param pixels  [height, width, channels], filled from the top
  [[nodiscard]] bool read_pixels(std::uint8_t* pixels) {
    if (setjmp(jump_)) return false;
    pixels_ = pixels;
    png_process_data(png_, info_, data() + bytes_.size() - unread_, unread_);
    if (!whole_) message("the file ends too early");
    return whole_;
  }

  /// 3 or 4.
  [[nodiscard]] std::int64_t channels() const { return channels_; }
  [[nodiscard]] std::string message() const { return message_; }

 private:
  [[nodiscard]] png_bytep data() const {  // libpng doesn't write there
    return reinterpret_cast<png_bytep>(const_cast<std::byte*>(bytes_.data()));
  }
  void message(const char* text) { std::strncpy(message_, text, sizeof message_ - 1); }
  static PngReader& reader_of(png_structp png) {
    return *static_cast<PngReader*>(png_get_progressive_ptr(png));
  }
  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    self->message(text);
    std::longjmp(self->jump_, 1);
  }

  /// Called before the first data; holds the reading there, so that memory can be got outside C.
  static void on_info(png_structp png, png_infop info) {
    PngReader& self = reader_of(png);
    const bool transparent = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) ||
                             png_get_valid(png, info, PNG_INFO_tRNS);
    png_set_strip_16(png);
    png_set_palette_to_rgb(png);
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_gray_to_rgb(png);
    if (transparent && self.keep_alpha_) png_set_tRNS_to_alpha(png);
    if (transparent && !self.keep_alpha_) png_set_strip_alpha(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    self.last_pass_ = passes - 1;
    self.height_ = png_get_image_height(png, info);
    self.stride_ = png_get_rowbytes(png, info);
    self.channels_ = png_get_channels(png, info);
    self.unread_ = png_process_data_pause(png, 0);
  }
  static void on_row(png_structp png, png_bytep row, png_uint_32 y, int pass) {
    PngReader& self = reader_of(png);
    if (row) png_progressive_combine_row(png, self.pixels_ + y * self.stride_, row);
    if (y + 1 == self.height_ && pass == self.last_pass_) self.whole_ = true;
  }

  std::span<const std::byte> bytes_;
  bool keep_alpha_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::uint8_t* pixels_ = nullptr;
  std::size_t stride_ = 0, unread_ = 0;
  std::int64_t channels_ = 0;
  png_uint_32 height_ = 0;
  int last_pass_ = 0;
  bool whole_ = false;
  std::jmp_buf jump_{};
  char message_[128] = {};
};

}  // namespace detail

/// @param bytes  a whole PNG file
/// @param name   how errors call it
/// @param alpha  what becomes of transparency
/// @param claim  called with the bytes of memory that decoding takes, before it takes them
/// @return       pixels as they are stored, and their orientation
/// @throws DataError if it is broken, lacks pixels, or declares more than `kMaxImagePixels`
[[nodiscard]] inline Pixels decode_png(std::span<const std::byte> bytes, std::string_view name,
                                       AlphaMode alpha = AlphaMode::drop,
                                       const MemoryClaim& claim = {}) {
  const auto fail = [&](const std::string& why) {
    detail::fail_image(name, "can't decode this PNG (" + why + ").");
  };
  const detail::PngHeader header = detail::png_header(bytes);
  if (header.bits == 0) fail("it doesn't begin with a header");
  detail::check_image_size(header.height, header.width, name);
  if (!header.fits_in(bytes.size())) fail(detail::too_short(header.height, header.width));
  constexpr std::size_t most_bytes = 8;  // of a pixel in the two rows that libpng keeps
  if (claim)
    claim(static_cast<std::size_t>(header.height * header.width) * 4 +
          2 * most_bytes * static_cast<std::size_t>(header.width));
  detail::PngReader reader(bytes, alpha == AlphaMode::over_white);
  if (!reader.read_header()) fail(reader.message());
  Pixels image(header.height, header.width, reader.channels());
  if (!reader.read_pixels(image.rgb.get())) fail(reader.message());
  if (reader.channels() == 4) detail::rgba_to_rgb(image, alpha);
  image.orientation = png_orientation(bytes);
  return image;
}

}  // namespace vlp
