#include "src/torch/caption_images.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include "vlp/core/error.hpp"

namespace vlp {

namespace {

namespace fs = std::filesystem;

bool is_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

/// The problem in one line that begins with the image's name.
std::string problem_of(const std::string& name, std::string what) {
  what = what.substr(0, what.find('\n'));
  return what.starts_with(name) ? what : name + ": " + what;
}

ReadImage read_image(NamedImage named, const std::function<at::Tensor(const NamedImage&)>& read) {
  try {
    at::Tensor pixels = read(named);
    if (pixels.dim() != 3 || pixels.size(0) != 3 || pixels.scalar_type() != at::kFloat)
      throw DataError("not an input of a model after the transforms (got " +
                      std::string(c10::toString(pixels.scalar_type())) + " with " +
                      std::to_string(pixels.dim()) +
                      " dimensions, expected Float [3, H, W]). Add a `normalize` transform.");
    return {std::move(named), std::move(pixels)};
  } catch (const c10::Error& error) {
    named.problem = problem_of(named.name, error.what_without_backtrace());
  } catch (const std::exception& error) {
    named.problem = problem_of(named.name, error.what());
  }
  return {std::move(named), {}};
}

}  // namespace

std::optional<NamedImage> ImageNames::next() {
  while (true) {
    if (!files_.empty()) {
      NamedImage image{std::move(files_.front()), {}, {}};
      files_.pop_front();
      return image;
    }
    std::optional<NamedImage> image;
    if (lines_)
      image = next_in_list();
    else if (path_ < paths_.size())
      image = open_path(paths_[path_++]);
    else if (list_ < lists_.size())
      image = open_list(lists_[list_++]);
    else if (row_ < rows_)
      image = NamedImage{std::to_string(row_), row_, {}}, ++row_;
    else
      return std::nullopt;
    if (image) return image;
  }
}

std::optional<NamedImage> ImageNames::open_path(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return NamedImage{path.string(), {}, {}};
  std::vector<std::string> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (std::error_code ignored; is_image_name(entry->path()) && !entry->is_directory(ignored))
      files.push_back(entry->path().string());
  if (error)
    return NamedImage{path.string(),
                      {},
                      path.string() + ": the folder can't be read (" + error.message() +
                          "). Check its permissions."};
  if (files.empty())
    return NamedImage{
        path.string(),
        {},
        path.string() + ": no images in this folder (expected .jpg, .jpeg or .png files)."};
  std::ranges::sort(files);
  files_.assign(std::make_move_iterator(files.begin()), std::make_move_iterator(files.end()));
  return std::nullopt;
}

std::optional<NamedImage> ImageNames::open_list(const fs::path& list) {
  list_is_empty_ = true;
  if (list == "-") {
    lines_ = &std::cin;
    return std::nullopt;
  }
  std::error_code ignored;
  list_file_ = std::ifstream(list);
  if (!list_file_ || fs::is_directory(list, ignored)) {
    const std::string why = list_file_ ? "it is a folder" : std::strerror(errno);
    return NamedImage{
        list.string(),
        {},
        list.string() + ": the list of images can't be read (" + why + "). Check the path."};
  }
  lines_ = &list_file_;
  return std::nullopt;
}

std::optional<NamedImage> ImageNames::next_in_list() {
  for (std::string line; std::getline(*lines_, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    list_is_empty_ = false;
    return NamedImage{std::move(line), {}, {}};
  }
  const std::string name = lists_[list_ - 1].string();
  const bool broken = lines_->bad();
  lines_ = nullptr;
  if (broken)
    return NamedImage{
        name, {}, name + ": reading the list of images stopped before its end. Check the disk."};
  if (list_is_empty_)
    return NamedImage{name, {}, name + ": the list names no images (expected one a line)."};
  return std::nullopt;
}

ImageReader::ImageReader(ImageNames names, std::function<at::Tensor(const NamedImage&)> read,
                         std::int64_t ahead, std::int64_t workers)
    : names_(std::move(names)), read_(std::move(read)), ahead_(static_cast<std::size_t>(ahead)) {
  // A worker's own operations stay in its thread. ATen shares parts of its thread count, so it is
  // put back afterwards.
  const int intra_op = at::get_num_threads();
  workers_.emplace(workers, [] {
    if (at::get_num_threads() != 1) at::set_num_threads(1);
    c10::GradMode::set_enabled(false);
  });
  at::set_num_threads(intra_op);
}

std::optional<ReadImage> ImageReader::next() {
  while (pending_.size() < ahead_) {
    std::optional<NamedImage> named = names_.next();
    if (!named) break;
    const auto promise = std::make_shared<std::promise<ReadImage>>();
    pending_.push_back(promise->get_future());
    if (!named->problem.empty())
      promise->set_value({std::move(*named), {}});
    else
      workers_->submit([this, promise, image = std::move(*named)] {
        promise->set_value(read_image(image, read_));
      });
  }
  if (pending_.empty()) return std::nullopt;
  ReadImage image = pending_.front().get();
  pending_.pop_front();
  return image;
}

}  // namespace vlp
