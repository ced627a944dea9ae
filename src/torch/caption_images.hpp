#pragma once
// The images that a command was given, as a stream: named one by one, decoded and resized ahead by
// worker threads, delivered in their order. Memory depends on how far it reads ahead, not on how
// many there are.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/data/worker_pool.hpp"

namespace vlp {

/// One image that was named.
struct NamedImage {
  std::string name;                 ///< the path as given, or a row's number
  std::optional<std::int64_t> row;  ///< of a tensor of pixels; none = a file
  std::string problem;  ///< why there is no image, in one line with its name; empty = none known
};

/// Names images one by one: paths first, then lists, then rows of a tensor.
class ImageNames {
 public:
  /// @param paths  images, or folders, whose .jpg, .jpeg and .png files follow in sorted order (not
  ///               those of subfolders)
  /// @param lists  text files with one image a line; `-` is standard input
  /// @param rows   how many rows of a tensor come last
  ImageNames(std::vector<std::filesystem::path> paths, std::vector<std::filesystem::path> lists,
             std::int64_t rows)
      : paths_(std::move(paths)), lists_(std::move(lists)), rows_(rows) {}

  /// The next image; one with a problem stands for a folder or list that gives none. Nothing after
  /// the last.
  std::optional<NamedImage> next();

 private:
  std::optional<NamedImage> open_path(const std::filesystem::path& path);
  std::optional<NamedImage> open_list(const std::filesystem::path& list);
  std::optional<NamedImage> next_in_list();

  std::vector<std::filesystem::path> paths_, lists_;
  std::int64_t rows_;
  std::size_t path_ = 0, list_ = 0;  // the next of each
  std::int64_t row_ = 0;
  std::deque<std::string> files_;  // of the folder that is open
  std::ifstream list_file_;
  std::istream* lines_ = nullptr;  // of the list that is open
  bool list_is_empty_ = false;
};

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
