#pragma once
// The images that a command was given, as a stream: decoded and resized ahead by worker threads,
// delivered in their order. Pixels in memory depend on how far it reads ahead, not on how many
// images there are.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>

#include <ATen/core/Tensor.h>

#include "vlp/data/worker_pool.hpp"
#include "vlp/image/image_names.hpp"

namespace vlp {

/// An image, or why there is none.
struct ReadImage {
  NamedImage named;
  at::Tensor pixels;  ///< float32 [3, H, W]; undefined where there is a problem
};

/// Reads named images ahead in worker threads.
class ImageReader {
 public:
  /// @param names    of the images
  /// @param read     name to float32 [3, H, W]; called from several threads; its exceptions become
  ///                 problems
  /// @param ahead    images under way at most
  /// @param workers  threads
  ImageReader(ImageNames names, std::function<at::Tensor(const NamedImage&)> read,
              std::int64_t ahead, std::int64_t workers);

  /// The next image, in the order of names. Nothing after the last.
  std::optional<ReadImage> next();

 private:
  ImageNames names_;
  std::function<at::Tensor(const NamedImage&)> read_;
  std::size_t ahead_;
  std::deque<std::future<ReadImage>> pending_;
  std::optional<WorkerPool> workers_;  // last, so that its threads end before what they use
};

}  // namespace vlp
