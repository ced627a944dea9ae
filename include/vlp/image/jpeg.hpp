#pragma once
// JPEG to RGB by libjpeg-turbo with the accurate integer DCT and smooth chroma upsampling, which is
// what Pillow and torchvision use. Baseline and progressive, grey, YCbCr, CMYK and YCCK; the EXIF
// orientation is not applied.

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include <jerror.h>
#include <jpeglib.h>

#include "vlp/image/pixels.hpp"

namespace vlp {
namespace detail {

/// One libjpeg decompressor. libjpeg reports errors by a callback that may not return, so each step
/// jumps back out of C code with longjmp and becomes `false`; no frame that is jumped over holds an
/// object with a destructor.
class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = [](j_common_ptr info) {
      auto* errors = reinterpret_cast<Errors*>(info->err);
      info->err->format_message(info, errors->message);
      std::longjmp(errors->jump, 1);
    };
    // Level -1 is a warning. Only the end of the file before the end of the picture loses pixels.
    errors_.base.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) info->err->error_exit(info);
    };
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info_); }

  /// Reads up to the first scan; after it, `height`, `width` and `channels` are known.
  [[nodiscard]] bool read_header(std::span<const std::byte> bytes) {
    if (setjmp(errors_.jump)) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info_, TRUE);
    const bool four = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = four ? JCS_CMYK : JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    jpeg_calc_output_dimensions(&info_);
    return true;
  }

  /// @param pixels  [height, width, channels], filled from the top
  [[nodiscard]] bool read_pixels(std::uint8_t* pixels) {
    if (setjmp(errors_.jump)) return false;
    jpeg_start_decompress(&info_);
    const std::size_t stride =
        std::size_t{info_.output_width} * static_cast<std::size_t>(info_.output_components);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels + info_.output_scanline * stride;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    return true;
  }

  [[nodiscard]] std::int64_t height() const { return info_.output_height; }
  [[nodiscard]] std::int64_t width() const { return info_.output_width; }
  [[nodiscard]] bool cmyk() const { return info_.out_color_space == JCS_CMYK; }
  [[nodiscard]] std::string message() const {
    return errors_.base.msg_code == JWRN_JPEG_EOF ? "the file ends too early" : errors_.message;
  }

 private:
  struct Errors {
    jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is also a pointer to this
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
  };
  jpeg_decompress_struct info_{};
  Errors errors_{};
};

/// Four inks stored inverted, as Adobe writes them, to RGB: each colour is dimmed by its ink and by
/// black.
inline void inverted_cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    for (int channel = 0; channel < 3; ++channel) {
      const int light = cmyk[4 * i + 3];  // 255 - black
      const int product =
          (255 - cmyk[4 * i + channel]) * light + 128;  // ink * light, rounded division by 255
      rgb[3 * i + channel] = static_cast<std::uint8_t>(light - ((product + (product >> 8)) >> 8));
    }
}

}  // namespace detail

/// @param bytes  a whole JPEG file
/// @param name   how errors call it
/// @throws DataError if it is broken or truncated, or declares more than `kMaxImagePixels`
[[nodiscard]] inline Pixels decode_jpeg(std::span<const std::byte> bytes, std::string_view name) {
  detail::JpegReader reader;
  const auto fail = [&] {
    detail::fail_image(name, "can't decode this JPEG (" + reader.message() + ").");
  };
  if (!reader.read_header(bytes)) fail();
  detail::check_image_size(reader.height(), reader.width(), name);
  Pixels image(reader.height(), reader.width());
  if (!reader.cmyk()) {
    if (!reader.read_pixels(image.rgb.get())) fail();
    return image;
  }
  const std::int64_t count = image.height * image.width;
  const auto inks =
      std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(count * 4));
  if (!reader.read_pixels(inks.get())) fail();
  detail::inverted_cmyk_to_rgb(inks.get(), image.rgb.get(), count);
  return image;
}

}  // namespace vlp
