#pragma once
// Image files to tensors, without a copy of the decoded pixels, one by one or all those of a
// command or run.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/image/byte_budget.hpp"
#include "vlp/image/image_reading.hpp"
#include "vlp/image/pixel_tensor.hpp"
#include "vlp/image/pixels.hpp"
#include "vlp/image/read.hpp"

namespace vlp {

/// Reads a JPEG, PNG or WebP file; the format is told by the content.
/// @return uint8 [3, H, W], RGB, interleaved in memory
/// @throws DataError that names the file if it is missing, broken, truncated or too large
[[nodiscard]] inline at::Tensor decode_image(const std::filesystem::path& path,
                                             const ImageReading& reading = {}) {
  return to_tensor(read_pixels(path, reading));
}

/// The same for a file that is already in memory.
/// @param bytes    a whole file
/// @param name     how errors call it
/// @param reading  what becomes of transparency and orientation
[[nodiscard]] inline at::Tensor decode_image(std::span<const std::byte> bytes,
                                             std::string_view name,
                                             const ImageReading& reading = {}) {
  return to_tensor(decode_pixels(bytes, name, reading));
}

/// An image and its share of the memory for images that are being read, given back with it.
struct DecodedImage {
  at::Tensor pixels;  ///< uint8 [3, H, W]
  ByteShare share;    ///< to be released once `pixels` is gone

  /// Pixels that count for nothing.
  DecodedImage(at::Tensor image) : pixels(std::move(image)) {}  // NOLINT: as decoders return them
  DecodedImage(at::Tensor image, ByteShare of_memory)
      : pixels(std::move(image)), share(std::move(of_memory)) {}
};

/// Reads the image files of one command or run, all in the same way, from any thread. Copies share
/// memory and counts.
class ImageFiles {
 public:
  /// @param reading  what becomes of transparency and orientation
  /// @param memory   bytes for the images under way
  explicit ImageFiles(const ImageReading& reading = {}, std::size_t memory = kImageMemory)
      : reading_(reading), shared_(std::make_shared<Shared>(memory)) {}

  /// Waits until there is memory for the image. The thread must hold no other image of these files.
  /// @throws DataError as `decode_image`
  [[nodiscard]] DecodedImage operator()(const std::filesystem::path& path) const {
    ByteShare share;
    Pixels pixels = read_pixels(path, reading_,
                                [&](std::size_t bytes) { share = shared_->budget.take(bytes); });
    if (pixels.orientation != 1) shared_->remember(path.string(), pixels.orientation);
    return {to_tensor(std::move(pixels)), std::move(share)};
  }

  [[nodiscard]] const ImageReading& reading() const { return reading_; }

  /// @return  what there is to say, once, of images whose orientation was left as it is; empty =
  ///          nothing (any more)
  /// @param remedy  how to have them turned
  [[nodiscard]] std::string note(std::string_view remedy) const { return shared_->note(remedy); }

 private:
  struct Shared {
    explicit Shared(std::size_t memory) : budget(memory) {}

    void remember(const std::string& name, int stored) {
      const std::lock_guard lock(mutex);
      if (!seen.insert(std::hash<std::string>{}(name)).second) return;
      if (first.empty() || name < first) {
        first = name;
        orientation = stored;
      }
    }
    std::string note(std::string_view remedy) {
      const std::lock_guard lock(mutex);
      if (seen.empty() || std::exchange(said, true)) return {};
      return std::to_string(seen.size()) +
             (seen.size() == 1 ? " image lies on its side or is mirrored"
                               : " images lie on their side or are mirrored") +
             " (EXIF orientation; first " + first + ", orientation " + std::to_string(orientation) +
             ") and " + (seen.size() == 1 ? "is" : "are") + " read as stored; " +
             std::string(remedy);
    }

    ByteBudget budget;
    std::mutex mutex;                      // guards what follows
    std::unordered_set<std::size_t> seen;  // images that were left as they are: their names' hashes
    std::string first;                     // of them by name, whatever the threads did
    int orientation = 1;                   // of the first
    bool said = false;
  };

  ImageReading reading_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace vlp
