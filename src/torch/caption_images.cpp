#include "src/torch/caption_images.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include "vlp/core/error.hpp"

namespace vlp {

namespace {

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
