#pragma once
// RGB pixels to JPEG and PNG files.

#include <cerrno>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <jpeglib.h>
#include <png.h>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

/// RGB pixels to be written: rows from top to bottom without gaps, height * width * 3 bytes.
struct RgbView {
  std::span<const std::uint8_t> rgb;  ///< rows from the top, three bytes a pixel
  std::int64_t height = 0;            ///< pixels
  std::int64_t width = 0;             ///< pixels
};

namespace detail {

/// One libjpeg compressor into an open file; errors jump out of C code with longjmp and become
/// `false`. No frame that is jumped over holds an object with a destructor.
class JpegWriter {
 public:
  JpegWriter() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = [](j_common_ptr info) {
      std::longjmp(reinterpret_cast<Errors*>(info->err)->jump, 1);
    };
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
  ~JpegWriter() { jpeg_destroy_compress(&info_); }

  [[nodiscard]] bool write(std::FILE* file, const RgbView& image, int quality) {
    if (setjmp(errors_.jump)) return false;
    jpeg_create_compress(&info_);
    jpeg_stdio_dest(&info_, file);
    info_.image_width = static_cast<JDIMENSION>(image.width);
    info_.image_height = static_cast<JDIMENSION>(image.height);
    info_.input_components = 3;
    info_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info_);
    info_.dct_method = JDCT_ISLOW;
    jpeg_set_quality(&info_, quality, TRUE);
    jpeg_start_compress(&info_, TRUE);
    while (info_.next_scanline < info_.image_height) {
      auto* row = const_cast<JSAMPROW>(image.rgb.data() +
                                       std::size_t{info_.next_scanline} * info_.image_width * 3);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

 private:
  struct Errors {
    jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is also a pointer to this
    std::jmp_buf jump;
  };
  jpeg_compress_struct info_{};
  Errors errors_{};
};

inline void check_rgb_view(const RgbView& image) {
  if (image.height < 1 || image.width < 1 || image.height > JPEG_MAX_DIMENSION ||
      image.width > JPEG_MAX_DIMENSION ||
      image.rgb.size() != static_cast<std::size_t>(image.height * image.width * 3))
    throw ShapeError("image encoder: bad image (got " + std::to_string(image.width) + " x " +
                     std::to_string(image.height) + " and " + std::to_string(image.rgb.size()) +
                     " bytes, expected sides of 1 to " + std::to_string(JPEG_MAX_DIMENSION) +
                     " and 3 bytes a pixel). Check the sizes.");
}

/// Opens a file, lets `write(file)` fill it, and closes it. @throws DataError that names the path,
/// DiskError if the disk is full or read-only
template <class Write>
void write_image_file(const std::filesystem::path& path, const Write& write) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  const bool written = file && write(file.get());
  if (written && std::fclose(file.release()) == 0) return;
  const int code = errno;
  const std::string message = path.string() + ": can't write (" + std::strerror(code) +
                              "). Check folder, rights and free space.";
  if (is_disk_problem(code)) throw DiskError(message);
  throw DataError(message);
}

}  // namespace detail

/// Writes a JPEG file with 4:2:0 chroma; the same pixels give the same bytes.
/// @param path     replaced if it is there
/// @param image    RGB
/// @param quality  1 to 100
/// @throws DataError if the file can't be written, ShapeError if sizes and bytes don't fit together
inline void write_jpeg(const std::filesystem::path& path, const RgbView& image, int quality = 90) {
  detail::check_rgb_view(image);
  detail::write_image_file(
      path, [&](std::FILE* file) { return detail::JpegWriter().write(file, image, quality); });
}

/// Writes a PNG file, 8 bits a channel.
/// @throws DataError if the file can't be written, ShapeError if sizes and bytes don't fit together
inline void write_png(const std::filesystem::path& path, const RgbView& image) {
  detail::check_rgb_view(image);
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::vector<std::uint8_t> bytes(size);
  if (!png_image_write_to_memory(&header, bytes.data(), &size, 0, image.rgb.data(), 0, nullptr))
    throw DataError(path.string() + ": can't encode as PNG (" + header.message + ").");
  detail::write_image_file(
      path, [&](std::FILE* file) { return std::fwrite(bytes.data(), 1, size, file) == size; });
}

}  // namespace vlp
