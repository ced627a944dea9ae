#pragma once
// JPEG to RGB by libjpeg-turbo with the accurate integer DCT and smooth chroma upsampling, which is
// what Pillow and torchvision use. Baseline and progressive, grey, YCbCr, CMYK and YCCK. As Pillow
// has it, a file that ends before its end marker is broken.

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include <jerror.h>
#include <jpeglib.h>

#include "vlp/image/orientation.hpp"
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

  /// Whether so many bytes can hold the picture: each block takes a bit at least.
  [[nodiscard]] bool fits_in(std::size_t bytes) const {
    std::uint64_t blocks = 0;
    for (int i = 0; i < info_.num_components; ++i)
      blocks +=
          std::uint64_t{info_.comp_info[i].width_in_blocks} * info_.comp_info[i].height_in_blocks;
    return info_.arith_code || blocks <= std::uint64_t{bytes} * 8;
  }
  /// What decoding takes: the pixels, and the coefficients of a file of several scans.
  [[nodiscard]] std::size_t memory() {
    const std::size_t pixels = std::size_t{info_.output_width} * info_.output_height;
    const std::size_t coefficients =
        jpeg_has_multiple_scans(&info_)
            ? pixels * static_cast<std::size_t>(info_.num_components) * sizeof(JCOEF)
            : 0;
    return pixels * static_cast<std::size_t>(channels()) + coefficients;
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
    jpeg_finish_decompress(&info_);
    return true;
  }

  [[nodiscard]] std::int64_t height() const { return info_.output_height; }
  [[nodiscard]] std::int64_t width() const { return info_.output_width; }
  [[nodiscard]] bool cmyk() const { return info_.out_color_space == JCS_CMYK; }
  [[nodiscard]] std::int64_t channels() const { return cmyk() ? 4 : 3; }
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

/// Four inks stored inverted, as Adobe writes them, to RGB in the same memory: each colour is
/// dimmed by its ink and by black.
inline void inverted_cmyk_to_rgb(std::uint8_t* bytes, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const int light = bytes[4 * i + 3];  // 255 - black
    for (int channel = 0; channel < 3; ++channel) {
      const int product =
          (255 - bytes[4 * i + channel]) * light + 128;  // ink * light, rounded division by 255
      bytes[3 * i + channel] = static_cast<std::uint8_t>(light - ((product + (product >> 8)) >> 8));
    }
  }
}

}  // namespace detail

/// @param bytes  a whole JPEG file
/// @param name   how errors call it
/// @param claim  called with the bytes of memory that decoding takes, before it takes them
/// @return       pixels as they are stored, and their orientation
/// @throws DataError if it is broken or truncated, or declares more than `kMaxImagePixels`
[[nodiscard]] inline Pixels decode_jpeg(std::span<const std::byte> bytes, std::string_view name,
                                        const MemoryClaim& claim = {}) {
  detail::JpegReader reader;
  const auto fail = [&](const std::string& why) {
    detail::fail_image(name, "can't decode this JPEG (" + why + ").");
  };
  if (!reader.read_header(bytes)) fail(reader.message());
  detail::check_image_size(reader.height(), reader.width(), name);
  if (!reader.fits_in(bytes.size())) fail(detail::too_short(reader.height(), reader.width()));
  if (claim) claim(reader.memory());
  Pixels image(reader.height(), reader.width(), reader.channels());
  if (!reader.read_pixels(image.rgb.get())) fail(reader.message());
  if (reader.cmyk()) detail::inverted_cmyk_to_rgb(image.rgb.get(), image.height * image.width);
  image.orientation = jpeg_orientation(bytes);
  return image;
}

}  // namespace vlp
