#pragma once
// The images that a command was given, named one by one: files, folders, lists, rows of a tensor.
// Includes no torch.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "vlp/core/text_lines.hpp"
#include "vlp/image/list_images.hpp"

namespace vlp {

/// One image that was named.
struct NamedImage {
  std::string name;                 ///< the path as given, or a row's number
  std::optional<std::int64_t> row;  ///< of a tensor of pixels; none = a file
  std::string problem;  ///< why there is no image, in one line with its name; empty = none known
};

/// Where a command's images come from, in their order.
struct ImageSources {
  std::vector<std::filesystem::path> paths;  ///< images, whatever their names, or folders of them
  bool recursive = false;                    ///< with the folders below
  std::vector<std::filesystem::path> lists;  ///< with one image a line; `-` = standard input
  std::int64_t rows = 0;                     ///< of a tensor
};

/// Names images one by one.
class ImageNames {
 public:
  /// @param note  hears what a folder holds besides images, in one line
  explicit ImageNames(ImageSources sources, std::function<void(const std::string&)> note = {})
      : sources_(std::move(sources)), note_(std::move(note)) {}

  /// The next image; one with a problem stands for a folder or list that gives none. Nothing after
  /// the last.
  std::optional<NamedImage> next() {
    while (true) {
      if (!files_.empty()) {
        NamedImage image = std::move(files_.front());
        files_.pop_front();
        return image;
      }
      if (lines_) {
        if (auto image = next_in_list()) return image;
      } else if (path_ < sources_.paths.size()) {
        open_path(sources_.paths[path_++]);
      } else if (list_ < sources_.lists.size()) {
        open_list(sources_.lists[list_++]);
      } else if (row_ < sources_.rows) {
        const std::int64_t row = row_++;
        return NamedImage{std::to_string(row), row, {}};
      } else {
        return std::nullopt;
      }
    }
  }

 private:
  void open_path(const std::filesystem::path& path) {
    std::error_code ignored;  // what can't be looked at is read as a file, which says why
    if (!std::filesystem::is_directory(path, ignored)) {
      files_.push_back({path.string(), {}, {}});
      return;
    }
    ImageListing listing = list_images(path, sources_.recursive);
    const std::string others = listing.passed_over.text();
    if (listing.images.empty() && listing.problems.empty())
      files_.push_back({path.string(), {}, path.string() + nothing_in(listing.passed_over)});
    else if (note_ && !others.empty())
      note_(path.string() + ": passed over " + others +
            (listing.passed_over.folders > 0 ? "; --recursive looks into folders" : ""));
    for (std::string& problem : listing.problems)
      files_.push_back({path.string(), {}, std::move(problem)});
    for (std::string& file : listing.images) files_.push_back({std::move(file), {}, {}});
  }

  [[nodiscard]] static std::string nothing_in(const PassedOver& found) {
    std::string what = found.text();
    if (what.empty())
      what = found.hidden == 0 ? "nothing"
                               : PassedOver::counted(found.hidden, "hidden file", "hidden files");
    return ": no images in this folder (got " + what + ", expected JPEG, PNG or WebP images). " +
           (found.folders > 0 ? "--recursive looks into folders." : "Name a folder that has some.");
  }

  void open_list(const std::filesystem::path& list) {
    list_is_empty_ = true;
    if (list == "-") {
      lines_.emplace(std::cin);
      return;
    }
    std::error_code ignored;
    list_file_ = std::ifstream(list);
    if (list_file_ && !std::filesystem::is_directory(list, ignored)) {
      lines_.emplace(list_file_);
      return;
    }
    const std::string why = list_file_ ? "it is a folder" : std::strerror(errno);
    files_.push_back(
        {list.string(),
         {},
         list.string() + ": the list of images can't be read (" + why + "). Check the path."});
  }

  std::optional<NamedImage> next_in_list() {
    while (auto line = lines_->next()) {
      if (is_blank(*line)) continue;
      list_is_empty_ = false;
      return NamedImage{std::move(*line), {}, {}};
    }
    const std::filesystem::path& list = sources_.lists[list_ - 1];
    const bool broken = list == "-" ? std::cin.bad() : list_file_.bad();
    lines_.reset();
    const std::string name = list.string();
    if (broken)
      return NamedImage{
          name, {}, name + ": reading the list of images stopped before its end. Check the disk."};
    if (list_is_empty_)
      return NamedImage{name, {}, name + ": the list names no images (expected one a line)."};
    return std::nullopt;
  }

  ImageSources sources_;
  std::function<void(const std::string&)> note_;
  std::size_t path_ = 0, list_ = 0;  // the next of each
  std::int64_t row_ = 0;
  std::deque<NamedImage> files_;  // of the folder that is open
  std::ifstream list_file_;
  std::optional<TextLines> lines_;  // of the list that is open
  bool list_is_empty_ = false;
};

}  // namespace vlp
