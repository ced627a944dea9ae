#pragma once
// A random part of an image, resized to a square (Szegedy et al. 2015; the algorithm of
// torchvision's RandomResizedCrop).

#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/core/error.hpp"
#include "vlp/image/pixel_tensor.hpp"
#include "vlp/image/resample.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// A rectangle of an image.
struct CropBox {
  std::int64_t top = 0;     ///< pixels from the upper edge
  std::int64_t left = 0;    ///< pixels from the left edge
  std::int64_t height = 0;  ///< pixels
  std::int64_t width = 0;   ///< pixels
};

/// Crops a random rectangle and resizes it to `size` x `size` pixels. Draws, at most ten times
/// until the rectangle fits: its share of the area, uniform; the logarithm of its width by its
/// height, uniform; and where it fits, top and left, uniform. Where none fits it takes the largest
/// centred part whose proportions are allowed.
class RandomResizedCrop {
 public:
  static constexpr std::string_view name = "random_resized_crop";

  struct Options {
    std::int64_t size = 384;
    std::vector<double> scale{0.5, 1.0};
    std::vector<double> ratio{3.0 / 4, 4.0 / 3};
    ResizeKernel kernel = ResizeKernel::torchvision;
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::size>("Height and width that come out, pixels.", between(1, 4096)),
          field<&Options::scale>(
              "Smallest and largest share of the image's area that is kept, above 0 and at most 1.",
              between(2, 2)),
          field<&Options::ratio>("Smallest and largest width by height of the part that is kept.",
                                 between(2, 2)),
          field<&Options::kernel>(
              "torchvision: its rounding, fast; pillow: Pillow's rounding, to the bit.")};
    }
    /// What is wrong with the ranges; empty = nothing.
    [[nodiscard]] std::string problem() const {
      const auto wrong = [](const std::vector<double>& range, double highest) {
        return range.size() != 2 || !(range[0] > 0 && range[0] <= range[1] && range[1] <= highest);
      };
      const auto text = [](const std::vector<double>& range) {
        std::string numbers;
        for (const double x : range) numbers += (numbers.empty() ? "" : ", ") + std::to_string(x);
        return "[" + numbers + "]";
      };
      if (wrong(scale, 1))
        return "bad scale (got " + text(scale) +
               ", expected two numbers in order, above 0 and at most 1)";
      if (wrong(ratio, 1e6))
        return "bad ratio (got " + text(ratio) + ", expected two numbers in order, above 0)";
      return {};
    }
  };

  /// @throws RecipeError if a range isn't two numbers in order
  explicit RandomResizedCrop(Options options) : options_(std::move(options)) {
    if (const std::string problem = options_.problem(); !problem.empty())
      throw RecipeError("transform 'random_resized_crop': " + problem + ". Mend the recipe.");
  }

  /// @param image   uint8 [3, H, W]; interleaved memory is fastest
  /// @param random  draws the rectangle
  /// @return        uint8 [3, size, size]
  /// @throws ShapeError if `image` is of another dtype or shape
  at::Tensor operator()(const at::Tensor& image, RandomStream& random) const {
    require_image(image, std::string(name));
    const CropBox box = draw(image.size(1), image.size(2), random);
    const at::Tensor part = image.narrow(1, box.top, box.height).narrow(2, box.left, box.width);
    return resize_bicubic(part, output_size(), options_.kernel);
  }

  /// The rectangle alone.
  /// @param height  of the image, pixels
  /// @param width   of the image, pixels
  /// @param random  draws it
  [[nodiscard]] CropBox draw(std::int64_t height, std::int64_t width, RandomStream& random) const {
    constexpr int kAttempts = 10;
    const auto h = static_cast<double>(height), w = static_cast<double>(width);
    const auto whole = [](double x) { return std::llrint(x); };  // half to even
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const double area = h * w * random.uniform(options_.scale[0], options_.scale[1]);
      const double ratio =
          std::exp(random.uniform(std::log(options_.ratio[0]), std::log(options_.ratio[1])));
      CropBox box{0, 0, whole(std::sqrt(area / ratio)), whole(std::sqrt(area * ratio))};
      if (box.height < 1 || box.height > height || box.width < 1 || box.width > width) continue;
      box.top = static_cast<std::int64_t>(
          random.below(static_cast<std::uint64_t>(height - box.height + 1)));
      box.left = static_cast<std::int64_t>(
          random.below(static_cast<std::uint64_t>(width - box.width + 1)));
      return box;
    }
    CropBox box{0, 0, height, width};
    if (w / h < options_.ratio[0])
      box.height = std::max<std::int64_t>(1, whole(w / options_.ratio[0]));
    if (w / h > options_.ratio[1])
      box.width = std::max<std::int64_t>(1, whole(h * options_.ratio[1]));
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
  }

  /// Known before any image.
  [[nodiscard]] ImageSize output_size() const { return {options_.size, options_.size}; }

 private:
  Options options_;
};
static_assert(Transform<RandomResizedCrop>);

}  // namespace vlp

VLP_PLUGIN(random_resized_crop, "1.0", vlp::RandomResizedCrop);
