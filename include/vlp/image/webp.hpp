#pragma once
// WebP to RGB by libwebp, as Pillow reads it: lossy and lossless, with and without transparency; of
// an animation the first frame, on its canvas.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <webp/decode.h>
#include <webp/demux.h>

#include "vlp/image/orientation.hpp"
#include "vlp/image/pixels.hpp"

namespace vlp {
namespace detail {

/// The chunks of a WebP file and its first frame, both inside the file's bytes.
class WebpFile {
 public:
  explicit WebpFile(std::span<const std::byte> bytes)
      : data_{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
        chunks_(WebPDemux(&data_), WebPDemuxDelete) {
    has_frame_ = chunks_ && WebPDemuxGetFrame(chunks_.get(), 1, &frame_) != 0;
  }
  WebpFile(const WebpFile&) = delete;
  WebpFile& operator=(const WebpFile&) = delete;
  ~WebpFile() {
    if (has_frame_) WebPDemuxReleaseIterator(&frame_);
  }

  /// Whether it is a whole file with a frame; what follows needs it.
  [[nodiscard]] bool good() const { return has_frame_; }
  [[nodiscard]] std::int64_t height() const {
    return WebPDemuxGetI(chunks_.get(), WEBP_FF_CANVAS_HEIGHT);
  }
  [[nodiscard]] std::int64_t width() const {
    return WebPDemuxGetI(chunks_.get(), WEBP_FF_CANVAS_WIDTH);
  }
  [[nodiscard]] const WebPIterator& frame() const { return frame_; }

  /// Whether the file as a whole says that it is transparent.
  [[nodiscard]] bool transparent() const {
    WebPBitstreamFeatures features;
    return WebPGetFeatures(data_.bytes, data_.size, &features) == VP8_STATUS_OK &&
           features.has_alpha != 0;
  }

  /// 1 to 8, by its chunk EXIF.
  [[nodiscard]] int orientation() const {
    WebPChunkIterator chunk;
    if (WebPDemuxGetChunk(chunks_.get(), "EXIF", 1, &chunk) == 0) return 1;
    const int orientation =
        exif_orientation(std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size)));
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
  }

 private:
  WebPData data_;
  std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> chunks_;
  WebPIterator frame_{};
  bool has_frame_ = false;
};

/// Decodes the first frame into its place on a canvas.
/// @param canvas    [height, width, channels]; what the frame leaves free stays as it is
/// @param channels  3 or 4
[[nodiscard]] inline VP8StatusCode decode_frame(const WebpFile& file, std::uint8_t* canvas,
                                                std::int64_t channels) {
  const WebPIterator& frame = file.frame();
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return VP8_STATUS_INVALID_PARAM;
  const auto stride = static_cast<std::size_t>(file.width() * channels);
  const std::size_t first = static_cast<std::size_t>(frame.y_offset) * stride +
                            static_cast<std::size_t>(frame.x_offset * channels);
  config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = canvas + first;
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = static_cast<std::size_t>(file.height()) * stride - first;
  const VP8StatusCode status = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  WebPFreeDecBuffer(&config.output);
  return status;
}

}  // namespace detail

/// @param bytes  a whole WebP file
/// @param name   how errors call it
/// @param alpha  what becomes of transparency
/// @param claim  called with the bytes of memory that decoding takes, before it takes them
/// @return       pixels as they are stored, and their orientation
/// @throws DataError if it is broken or truncated, or declares more than `kMaxImagePixels`
[[nodiscard]] inline Pixels decode_webp(std::span<const std::byte> bytes, std::string_view name,
                                        AlphaMode alpha = AlphaMode::drop,
                                        const MemoryClaim& claim = {}) {
  const auto fail = [&](const std::string& why) {
    detail::fail_image(name, "can't decode this WebP (" + why + ").");
  };
  const detail::WebpFile file(bytes);
  if (!file.good()) fail("the file ends too early, or its chunks don't fit together");
  detail::check_image_size(file.height(), file.width(), name);
  const std::int64_t channels = file.transparent() && alpha != AlphaMode::drop ? 4 : 3;
  const WebPIterator& frame = file.frame();
  const auto canvas = static_cast<std::size_t>(file.height() * file.width());
  const auto frame_pixels =
      static_cast<std::size_t>(frame.height) * static_cast<std::size_t>(frame.width);
  if (claim) claim(canvas * static_cast<std::size_t>(channels) + frame_pixels * 4);
  Pixels image(file.height(), file.width(), channels);
  if (frame_pixels < canvas)
    std::fill_n(image.rgb.get(), canvas * static_cast<std::size_t>(channels), std::uint8_t{0});
  const VP8StatusCode status = detail::decode_frame(file, image.rgb.get(), channels);
  if (status != VP8_STATUS_OK)
    fail(status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED
             ? "the file ends too early"
             : "its data are broken, libwebp's status " + std::to_string(status));
  if (channels == 4) detail::rgba_to_rgb(image, alpha);
  image.orientation = file.orientation();
  return image;
}

}  // namespace vlp
